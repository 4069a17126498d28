"""One form for the JSON Schemas that pydantic, zod and people write: 2020-12, self-contained.

Definitions are named by their content and only those that are recursive or used stay; titles that a
tool derived from a name, draft-7 spellings and `$schema` go. The result depends on the meaning alone.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import unquote

from wistro.errors import UserError

Schema = dict[str, Any]

MAX_DEPTH = 24  # of a schema; the lock around it may be nested 32 deep
_MAPS = ("properties", "patternProperties", "dependentSchemas")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLES = (
    "items",
    "additionalProperties",
    "propertyNames",
    "contains",
    "not",
    "if",
    "then",
    "else",
    "unevaluatedItems",
    "unevaluatedProperties",
)
_REFUSED = ("$id", "id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$vocabulary")
_DROPPED = ("$schema", "$defs", "definitions", "~standard", "$comment")


class UnusableSchema(UserError):
    """A schema that is not JSON Schema, or refers to something outside of itself."""

    code = "schema.unusable"
    hint = "Use JSON Schema 2020-12 with `$defs` and `#/…` references only."


def normalise(schema: Any) -> Schema:
    """The schema's canonical form; raises UnusableSchema. `True`, `False` and {} are schemas too."""
    if schema is True:
        return {}
    if schema is False:
        return {"not": {}}
    if not isinstance(schema, dict):
        raise UnusableSchema(f"a schema is a mapping, not {_kind(schema)}")
    return _Normaliser(schema).result()


def key(schema: Schema) -> str:
    """A normalised schema's name in the lock."""
    return _hash(schema)


class _Normaliser:
    def __init__(self, root: Schema) -> None:
        self._root = root
        self._definitions: dict[str, Any] = {}  # pointer -> schema with `$ref: pointer`

    def result(self) -> Schema:
        root = self._walk(self._root, None, 1)
        names = self._names()
        root = _renamed(root, names)
        defs = {
            names[pointer]: _renamed(below, names) for pointer, below in self._definitions.items()
        }
        only = root.get("$ref") if isinstance(root, dict) and len(root) == 1 else None
        if only is not None:
            target = only.removeprefix("#/$defs/")
            if not _mentions(target, defs):
                root = defs[target]
        if not isinstance(root, dict):
            return normalise(root)
        used = _reachable(root, defs)
        return root | ({"$defs": {name: defs[name] for name in sorted(used)}} if used else {})

    def _walk(self, schema: Any, derived: str | None, depth: int) -> Any:
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, dict):
            raise UnusableSchema(f"a schema is a mapping, not {_kind(schema)}")
        if depth > MAX_DEPTH:
            raise UnusableSchema(f"a schema is nested deeper than {MAX_DEPTH}")
        found: Schema = {}
        for word, value in schema.items():
            if not isinstance(word, str):
                raise UnusableSchema(f"a schema has the key {word!r}, which is no text")
            if word in _REFUSED and isinstance(value, str | dict):
                raise UnusableSchema(f"`{word}` in a schema is not supported")
            if word not in _DROPPED:
                found[word] = self._keyword(word, value, depth)
        if derived is not None and found.get("title") == derived:
            del found["title"]
        return _modern(found)

    def _keyword(self, word: str, value: Any, depth: int) -> Any:
        if word == "$ref":
            return self._reference(value)
        if word in _MAPS and isinstance(value, dict):
            return {
                name: self._walk(below, _title(name), depth + 1)
                for name, below in sorted(value.items())
            }
        if word in _LISTS or (word == "items" and isinstance(value, list)):
            if not isinstance(value, list):
                raise UnusableSchema(f"`{word}` in a schema is a list, not {_kind(value)}")
            return [self._walk(below, None, depth + 1) for below in value]
        if word in _SINGLES or word == "additionalItems":
            return self._walk(value, None, depth + 1)
        if word == "required" and isinstance(value, list):
            return sorted(set(map(str, value)))
        _check_plain(value, depth)
        return value

    def _reference(self, pointer: Any) -> str:
        if not isinstance(pointer, str) or not pointer.startswith("#"):
            raise UnusableSchema(f"a schema refers to `{pointer}`, outside of itself")
        if pointer not in self._definitions:
            self._definitions[pointer] = None  # in work: a recursive schema comes by here again
            name = pointer.rpartition("/")[2]
            self._definitions[pointer] = self._walk(self._target(pointer), name, 1)
        return pointer

    def _target(self, pointer: str) -> Any:
        target: Any = self._root
        for part in pointer.removeprefix("#").split("/")[1:]:
            part = unquote(part).replace("~1", "/").replace("~0", "~")
            try:
                target = target[int(part)] if isinstance(target, list) else target[part]
            except (KeyError, IndexError, ValueError, TypeError) as error:
                raise UnusableSchema(f"a schema refers to `{pointer}`, which it lacks") from error
        return target

    def _names(self) -> dict[str, str]:
        """Partition refinement: after n rounds two definitions share a name only if they mean the same."""
        names = dict.fromkeys(self._definitions, "")
        for _ in range(len(names) + 1):
            names = {
                pointer: _hash(_renamed(below, names))
                for pointer, below in self._definitions.items()
            }
        return names


def _renamed(schema: Any, names: dict[str, str]) -> Any:
    if isinstance(schema, list):
        return [_renamed(one, names) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found: Schema = {}
    for word, value in schema.items():
        if word == "$ref" and value in names:
            found[word] = f"#/$defs/{names[value]}"
        elif word in _MAPS and isinstance(value, dict):
            found[word] = {name: _renamed(below, names) for name, below in value.items()}
        elif word in _LISTS or word in _SINGLES:
            found[word] = _renamed(value, names)
        else:
            found[word] = value
    return found


def _references(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(_references, schema))
    if not isinstance(schema, dict):
        return set()
    found = {schema["$ref"].removeprefix("#/$defs/")} if "$ref" in schema else set()
    for word, value in schema.items():
        if word in _MAPS and isinstance(value, dict):
            found |= _references(list(value.values()))
        elif word in _LISTS or word in _SINGLES:
            found |= _references(value)
    return found


def _reachable(root: Any, defs: Schema) -> set[str]:
    found: set[str] = set()
    waiting = _references(root)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting |= _references(defs[name])
    return found


def _mentions(name: str, defs: Schema) -> bool:
    return name in _reachable(defs[name], defs)


def _modern(schema: Schema) -> Schema:
    """Draft 4 and 7 spellings as 2020-12 has them."""
    if isinstance(schema.get("items"), list):
        schema["prefixItems"] = schema.pop("items")
        if "additionalItems" in schema:
            schema["items"] = schema.pop("additionalItems")
    schema.pop("additionalItems", None)
    for bound, strict in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(schema.get(strict), bool):
            is_strict = schema.pop(strict)
            if is_strict and bound in schema:
                schema[strict] = schema.pop(bound)
    if isinstance(schema.get("type"), list):
        types = sorted(set(schema["type"]))
        schema["type"] = types[0] if len(types) == 1 else types
    if schema.get("additionalProperties") == {}:
        schema["additionalProperties"] = True
    return schema


def _title(name: str) -> str:
    return name.replace("_", " ").title()


def _check_plain(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH + 8:
        raise UnusableSchema("a schema holds a value nested too deep")
    if isinstance(value, dict):
        for name, below in value.items():
            if not isinstance(name, str):
                raise UnusableSchema(f"a schema has the key {name!r}, which is no text")
            _check_plain(below, depth + 1)
    elif isinstance(value, list):
        for below in value:
            _check_plain(below, depth + 1)
    elif not isinstance(value, str | int | float | bool | None):
        raise UnusableSchema(f"a schema holds {_kind(value)}, which is not JSON")
    elif isinstance(value, float) and (value != value or abs(value) == float("inf")):
        raise UnusableSchema("a schema holds a number that is not JSON")
    elif isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise UnusableSchema("a schema holds text that is not Unicode")


def _kind(value: Any) -> str:
    return f"{type(value).__name__} {str(value)[:40]!r}"


def _hash(schema: Any) -> str:
    text = json.dumps(schema, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
