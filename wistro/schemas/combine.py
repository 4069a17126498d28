"""Several normalised schemas as one. Definitions are named by content, so theirs can lie together."""

from __future__ import annotations

from wistro.schemas.normalise import Schema


def all_of(schemas: list[Schema]) -> Schema:
    """What fits every one; the schema itself when there is one."""
    return _combined("allOf", schemas)


def any_of(schemas: list[Schema]) -> Schema:
    """What fits at least one; the schema itself when there is one."""
    return {} if {} in schemas else _combined("anyOf", schemas)


def _combined(word: str, schemas: list[Schema]) -> Schema:
    schemas = [one for one in schemas if one] if word == "allOf" else schemas
    if len(schemas) <= 1:
        return schemas[0] if schemas else {}
    definitions: Schema = {}
    parts: list[Schema] = []
    for one in schemas:
        definitions |= one.get("$defs", {})
        parts.append({key: value for key, value in one.items() if key != "$defs"})
    found: Schema = {word: parts}
    return found | ({"$defs": dict(sorted(definitions.items()))} if definitions else {})
