"""JSON Schema as the types that a language has: wider where a language cannot say it, never narrower.

Every object has a name, so it can hold itself and be read in an error; equal schemas share one. What only a
value can show (a pattern, a bound) is left to the run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from wistro.schemas import Schema
from wistro.schemas.view import ANNOTATIONS, Document, TooMany
from wistro.types.names import Names, singular, words_of

MAX_DEPTH = 40
_NOTED = ("format", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
          "minLength", "maxLength", "minItems", "maxItems", "uniqueItems")  # fmt: skip


@dataclass(frozen=True)
class Plain:
    kind: str  # any | never | string | integer | number | boolean


@dataclass(frozen=True)
class Values:
    """One of these JSON scalars; no float is among them."""

    values: tuple[str | int | bool | None, ...]


@dataclass(frozen=True)
class ListOf:
    item: Shape


@dataclass(frozen=True)
class TupleOf:
    """`rest` None: nothing may follow. The first `least` items are there."""

    items: tuple[Shape, ...]
    rest: Shape | None
    least: int


@dataclass(frozen=True)
class MapOf:
    value: Shape


@dataclass(frozen=True)
class OneOf:
    options: tuple[Shape, ...]


@dataclass(frozen=True)
class Named:
    name: str


Shape = Plain | Values | ListOf | TupleOf | MapOf | OneOf | Named

ANY = Plain("any")
NEVER = Plain("never")


@dataclass
class Field:
    name: str
    shape: Shape
    is_required: bool
    notes: list[str]


@dataclass
class ObjectShape:
    """`extra`: None when the schema says nothing of other keys, NEVER when it closes itself."""

    name: str
    fields: list[Field] = field(default_factory=list)
    extra: Shape | None = None
    notes: list[str] = field(default_factory=list)


@dataclass
class Alias:
    name: str
    shape: Shape
    notes: list[str] = field(default_factory=list)


@dataclass
class _Open:
    """A schema that is being read; `name` once something inside refers to it."""

    hint: str
    name: str | None = None


class Shapes:
    """Reads schemas into shapes; `named` grows in the order of first need."""

    def __init__(self, names: Names) -> None:
        self.named: dict[str, ObjectShape | Alias] = {}
        self._names = names
        self._done: dict[str, Shape] = {}
        self._open: dict[str, _Open] = {}
        self._depth = 0

    def read(self, schema: Schema, hint: str) -> Shape:
        """The shape of a whole schema; `hint` names it if it is an object."""
        return self._of(schema, Document(schema), hint)

    @contextmanager
    def apart(self) -> Iterator[None]:
        """What is read meanwhile shares what was read before, and no later reading shares it: a step's own types
        are named after that step alone."""
        before = dict(self._done)
        yield
        self._done = before

    def _of(self, schema: Any, document: Document, hint: str) -> Shape:
        for _ in range(MAX_DEPTH):
            if not (isinstance(schema, dict) and "$ref" in schema and not _own_words(schema)):
                break
            schema = document.target(schema["$ref"])
        if schema is True or not _constrains(schema):
            return ANY
        key = json.dumps(schema, sort_keys=True) if isinstance(schema, dict) else "false"
        if key in self._done:
            return self._done[key]
        if key in self._open:
            opened = self._open[key]
            opened.name = opened.name or self._names.take(opened.hint)
            return Named(opened.name)
        if self._depth > MAX_DEPTH:
            return ANY
        self._open[key] = opened = _Open(hint)
        self._depth += 1
        try:
            shape = self._read(schema, document, opened)
        finally:
            self._depth -= 1
            del self._open[key]
        if opened.name is not None and shape != Named(opened.name):
            self.named[opened.name] = Alias(opened.name, shape, notes_of(schema))
            shape = Named(opened.name)
        self._done[key] = shape
        return shape

    def _read(self, schema: Any, document: Document, opened: _Open) -> Shape:
        try:
            branches = document.branches(schema)
        except TooMany:
            return ANY
        if len(branches) == 1 and _has_fields(branches[0]):
            opened.name = opened.name or self._names.take(opened.hint)
            return self._object(branches[0], document, opened.name, notes_of(schema))
        return union([self._branch(one, document, opened.hint) for one in branches])

    def _branch(self, branch: Schema, document: Document, hint: str) -> Shape:
        if "enum" in branch:
            return _values(branch["enum"])
        kind = branch["type"]
        if kind == "array":
            return self._array(branch, document, hint)
        if kind != "object":
            return Plain(kind)
        if _has_fields(branch):
            return self._object(branch, document, self._names.take(_tagged(branch, hint)), [])
        extra = branch.get("additionalProperties", True)
        if "patternProperties" in branch or extra is True:
            return MapOf(ANY)
        if extra is False:
            return self._object(branch, document, self._names.take(hint), [])
        return MapOf(self._of(extra, document, hint + "Value"))

    def _object(self, branch: Schema, document: Document, name: str, notes: list[str]) -> Shape:
        """The name is known before the fields are read, since they may hold it."""
        found = ObjectShape(name, notes=notes)
        self.named[name] = found
        required = set(branch.get("required", ()))
        properties = branch.get("properties", {})
        for key in [*properties, *sorted(required - properties.keys())]:
            below = properties.get(key, True)
            shape = self._of(below, document, name + (words_of(key) or "Field"))
            found.fields.append(Field(key, shape, key in required, notes_of(below, document)))
        extra = branch.get("additionalProperties")
        if extra is False:
            found.extra = NEVER if "patternProperties" not in branch else ANY
        elif extra is not None:
            found.extra = self._of(extra, document, name + "Other")
        return Named(name)

    def _array(self, branch: Schema, document: Document, hint: str) -> Shape:
        rest = branch.get("items", True)
        first = branch.get("prefixItems")
        if not first:
            return NEVER_LIST if rest is False else ListOf(self._of(rest, document, singular(hint)))
        items = tuple(
            self._of(one, document, f"{hint}{index + 1}") for index, one in enumerate(first)
        )
        more = None if rest is False else self._of(rest, document, singular(hint))
        return TupleOf(items, more, min(branch.get("minItems", 0), len(items)))


NEVER_LIST = ListOf(NEVER)
_EVERYTHING = (
    *(Plain("boolean"), Plain("number"), Plain("string"), Values((None,))),
    *(ListOf(ANY), MapOf(ANY)),
)


def union(shapes: list[Shape]) -> Shape:
    """The shapes as one: each once, all values together; nothing beside `any`."""
    flat: list[Shape] = []
    for one in shapes:
        flat += one.options if isinstance(one, OneOf) else [one]
    if ANY in flat:
        return ANY
    values = [value for one in flat if isinstance(one, Values) for value in one.values]
    found: list[Shape] = []
    if values:
        kept = {(type(value), value): value for value in values}
        if {(bool, True), (bool, False)} <= kept.keys():
            del kept[bool, True], kept[bool, False]
            found.append(Plain("boolean"))
        if kept:
            found.append(Values(tuple(kept.values())))
    for one in flat:
        if not isinstance(one, Values) and one != NEVER and one not in found:
            found.append(one)
    if all(one in found for one in _EVERYTHING):
        return ANY
    if len(found) > 1:
        # null is read last: `text or nothing`
        found.sort(key=lambda one: one == Values((None,)))
        return OneOf(tuple(found))
    return found[0] if found else NEVER


def _values(values: list[Any]) -> Shape:
    """Floats, lists and objects cannot be literals: their kind stands for them."""
    literal = [one for one in values if one is None or isinstance(one, str | bool | int)]
    shapes: list[Shape] = [union([Values(tuple(literal))])] if literal else []
    if any(isinstance(one, float) for one in values):
        shapes.append(Plain("number"))
    if any(isinstance(one, list) for one in values):
        shapes.append(ListOf(ANY))
    if any(isinstance(one, dict) for one in values):
        shapes.append(MapOf(ANY))
    return union(shapes)


def notes_of(schema: Any, document: Document | None = None) -> list[str]:
    """What a reader should know of it: its description, then what the type cannot say."""
    if isinstance(schema, dict) and document and set(schema) == {"$ref"}:
        schema = document.target(schema["$ref"])
    if not isinstance(schema, dict):
        return []
    found = [str(schema["description"]).strip()] if schema.get("description") else []
    found += [f"{word}: {_shown(schema[word])}" for word in _NOTED if word in schema]
    if "default" in schema:
        found.append(f"default: {_shown(schema['default'])}")
    if schema.get("deprecated") is True:
        found.append("deprecated")
    return found


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _own_words(schema: Schema) -> set[str]:
    return {word for word in schema if word not in ("$ref", "$defs") and word not in ANNOTATIONS}


def _constrains(schema: Any) -> bool:
    return schema is False or "$ref" in schema or bool(_own_words(schema))


def _has_fields(branch: Schema) -> bool:
    return branch.get("type") == "object" and bool(
        branch.get("properties") or branch.get("required")
    )


def _tagged(branch: Schema, hint: str) -> str:
    """A variant is named by its tag: `{kind: "card"}` of Payment is PaymentCard."""
    for key in branch.get("required", ()):
        below = branch.get("properties", {}).get(key)
        value = below.get("const") if isinstance(below, dict) else None
        if value is None and isinstance(below, dict) and len(below.get("enum", ())) == 1:
            value = below["enum"][0]
        if isinstance(value, str) and words_of(value):
            return hint + words_of(value)
    return hint
