"""Looking into a normalised schema: references resolved, alternatives split, conjunctions merged where that is exact."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import jsonschema_rs

from wistro.schemas.normalise import Schema

TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
SAFE = 2**53 - 1  # integers beyond it are refused at every emit, so no message holds one
MAX_BRANCHES = 256

# Which keywords speak of which type; the rest speak of every value.
OF_TYPE = {
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
    "object": (
        "properties",
        "required",
        "additionalProperties",
        "propertyNames",
        "minProperties",
        "maxProperties",
    ),
}
ANNOTATIONS = frozenset(
    (
        "title",
        "description",
        "default",
        "examples",
        "example",
        "deprecated",
        "readOnly",
        "writeOnly",
        "discriminator",
        "contentEncoding",
        "contentMediaType",
        "contentSchema",
        "$defs",
    )
)
DECIDED = frozenset(
    ("type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", *sum(OF_TYPE.values(), ()))
)


class TooMany(Exception):
    """More alternatives than are worth splitting."""


class Document:
    """A root schema with its definitions; `sub`s of it refer to them."""

    def __init__(self, root: Schema) -> None:
        self.root = root
        self._defs = root.get("$defs", {})
        self._validators: dict[int, tuple[Any, jsonschema_rs.Validator]] = {}

    def target(self, reference: str) -> Any:
        return self._defs[reference.removeprefix("#/$defs/")]

    @cached_property
    def validator(self) -> Any:
        return validator(self.root)

    def holds(self, sub: Any, value: Any) -> bool:
        """Does the value fit this part of the document?"""
        known = self._validators.get(id(sub))
        if known is None:
            whole = sub
            if isinstance(sub, dict) and self._defs:
                whole = {**sub, "$defs": self._defs}
            known = (sub, validator(whole))  # the part is kept: its id stays its own
            self._validators[id(sub)] = known
        return known[1].is_valid(value)

    def branches(self, schema: Any, depth: int = 0) -> list[Schema]:
        """Simple schemas whose union holds all that this one does (`oneOf` as if it were `anyOf`).

        Each has one `type`, or an `enum`, and no $ref, anyOf, oneOf or allOf, except those that could
        not be merged, which are left under `allOf`. Raises TooMany.
        """
        if depth > 40:
            raise TooMany
        if schema is True:
            schema = {}
        if schema is False or schema.get("not") in (True, {}):
            return []
        parts: list[list[Schema]] = [_by_type(_own(schema))]
        if "$ref" in schema:
            parts.append(self.branches(self.target(schema["$ref"]), depth + 1))
        for one in schema.get("allOf", ()):
            parts.append(self.branches(one, depth + 1))
        for word in ("anyOf", "oneOf"):
            if word in schema:
                parts.append([one for sub in schema[word] for one in self.branches(sub, depth + 1)])
        found = parts[0]
        for part in parts[1:]:
            if len(found) * len(part) > MAX_BRANCHES * 8:
                raise TooMany
            merged = [merge(one, other) for one in found for other in part]
            found = [one for one in merged if one is not None]
        if len(found) > MAX_BRANCHES:
            raise TooMany
        return found


def validator(schema: Any) -> Any:
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=False)


def _own(schema: Schema) -> Schema:
    return {
        word: value
        for word, value in schema.items()
        if word not in ("$ref", "allOf", "anyOf", "oneOf") and word not in ANNOTATIONS
    }


def _by_type(schema: Schema) -> list[Schema]:
    if "const" in schema:
        rest = {word: value for word, value in schema.items() if word != "const"}
        return [rest | {"enum": [schema["const"]]}] if "enum" not in rest else [schema]
    if "enum" in schema:
        return [schema]
    types = schema.get("type", [one for one in TYPES if one != "integer"])
    types = [types] if isinstance(types, str) else list(types)
    if "number" in types and "integer" in types:
        types.remove("integer")
    found: list[Schema] = []
    for one in types:
        rest = {word: value for word, value in schema.items() if speaks_of(word, one)}
        if one == "null":
            found.append(rest | {"enum": [None]})
        elif one == "boolean":
            found.append(rest | {"enum": [False, True]})
        else:
            found.append(rest | {"type": one})
    return found


def speaks_of(word: str, kind: str) -> bool:
    """False for a keyword that says nothing about values of this type."""
    if word == "type":
        return False
    family = "number" if kind == "integer" else kind
    return not any(word in words for other, words in OF_TYPE.items() if other != family)


def merge(one: Schema, other: Schema) -> Schema | None:
    """Both at once; None when nothing can fit both. Exact, or with the second kept under `allOf`."""
    if "enum" in one or "enum" in other:
        if "enum" not in one:
            one, other = other, one
        check = validator_of_simple(other)
        if check is None:
            # What it refers to is not at hand; its type is.
            of_type = validator({"type": other.get("type", list(TYPES))})
            left = [value for value in one["enum"] if of_type.is_valid(value)]
            if not left:
                return None
            return one | {"enum": left, "allOf": [*one.get("allOf", []), other]}
        kept = [value for value in one["enum"] if check.is_valid(value)]
        return one | {"enum": kept} if kept else None
    kinds = {one.get("type"), other.get("type")}
    if len(kinds) == 2 and kinds != {"integer", "number"}:
        return None
    kind = "integer" if "integer" in kinds else one["type"]
    found: Schema = {"type": kind}
    for word in sorted((one.keys() | other.keys()) - {"type"}):
        if word not in one or word not in other:
            found[word] = one[word] if word in one else other[word]
        elif one[word] == other[word]:
            found[word] = one[word]
        elif word in _STRICTER:
            found[word] = _STRICTER[word](one[word], other[word])
        elif word == "required":
            found[word] = sorted({*one[word], *other[word]})
        elif word != "properties":
            return one | {"allOf": [*one.get("allOf", []), other]}
    if "properties" in one and "properties" in other and one["properties"] != other["properties"]:
        found["properties"] = _both(one["properties"], other["properties"])
    return found if _alike(one, other) else one | {"allOf": [*one.get("allOf", []), other]}


_STRICTER = {
    "minimum": max,
    "exclusiveMinimum": max,
    "minLength": max,
    "minItems": max,
    "minProperties": max,
    "maximum": min,
    "exclusiveMaximum": min,
    "maxLength": min,
    "maxItems": min,
    "maxProperties": min,
    "uniqueItems": lambda one, other: one or other,
}


def _both(one: Schema, other: Schema) -> Schema:
    found = dict(one)
    for name, below in other.items():
        same = name not in found or found[name] == below
        found[name] = below if same else {"allOf": [found[name], below]}
    return found


def _alike(one: Schema, other: Schema) -> bool:
    """Keywords that lean on their neighbours (additionalProperties on properties) merge if both say the same, or if
    one side has neither."""
    for word, leans in (("additionalProperties", "properties"), ("items", "prefixItems")):
        if word not in one and word not in other:
            continue
        if any(word not in side and leans not in side for side in (one, other)):
            continue
        if leans == "properties" and one.get(leans, {}).keys() != other.get(leans, {}).keys():
            return False
        if leans != "properties" and one.get(leans) != other.get(leans):
            return False
    return not any("patternProperties" in side for side in (one, other))


def validator_of_simple(schema: Schema) -> Any:
    """A validator of a branch, or None when it refers to definitions that are not at hand."""
    return None if '"$ref"' in repr(schema).replace("'", '"') else validator(schema)
