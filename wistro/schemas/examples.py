"""Small instances of a schema: proposals, to be confirmed by a validator before anybody relies on them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from wistro.schemas.normalise import Schema
from wistro.schemas.view import SAFE, Document, TooMany

_FORMATS = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "duration": "P1D",
    "uuid": "6f1f3e0a-0a5e-4d5a-8f0a-0d3c1b2a4f5e",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "hostname": "example.com",
}
_TEXTS = (
    "",
    "a",
    "0",
    "A",
    " ",
    "a b",
    "12345",
    "abc-123",
    "ABC-123",
    "2026",
    "é",
    *_FORMATS.values(),
)
MAX_DEPTH = 8


class NoExample(Exception):
    """None was found; there may be some."""


def example(document: Document, schema: Any, depth: int = 0) -> Any:
    """The smallest instance that comes to mind; raises NoExample."""
    for one in examples(document, schema, depth):
        return one
    raise NoExample


def examples(document: Document, schema: Any, depth: int = 0) -> Iterator[Any]:
    """Instances of every branch; each fits its branch as far as could be seen."""
    if depth > MAX_DEPTH:
        return
    try:
        branches = document.branches(schema)
    except TooMany:
        return
    for branch in branches:
        for one in _of_branch(document, branch, depth):
            if document.holds(branch, one):
                yield one


def _of_branch(document: Document, branch: Schema, depth: int) -> Iterator[Any]:
    if "enum" in branch:
        yield from branch["enum"]
        return
    kind = branch["type"]
    if kind in ("integer", "number"):
        yield from numbers(branch)
    elif kind == "string":
        yield from texts(branch)
    elif kind == "array":
        yield from _array(document, branch, depth)
    elif kind == "object":
        yield from _object(document, branch, depth)


def numbers(*schemas: Schema) -> Iterator[int | float]:
    """Values at, beside and between the bounds of all these schemas."""
    bounds = [
        schema[word]
        for schema in schemas
        for word in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
        if isinstance(schema.get(word), int | float)
    ]
    steps = [one["multipleOf"] for one in schemas if one.get("multipleOf")]
    found: list[int | float] = [0, 1, -1, *steps, 0.5]
    for bound in bounds:
        if abs(bound) <= SAFE:
            found += [
                bound,
                math.floor(bound),
                math.ceil(bound),
                bound + 1,
                bound - 1,
                bound + 0.5,
                bound - 0.5,
            ]
            found += [math.ceil(bound / step) * step for step in steps]
            found += [math.floor(bound / step) * step for step in steps]
    found += [(low + high) / 2 for low, high in pairwise(bounds)]
    found += [SAFE, -SAFE, 1e300, -1e300]
    for value in found:
        if isinstance(value, float) and value.is_integer() and abs(value) <= SAFE:
            value = int(value)
        if not (isinstance(value, int) and abs(value) > SAFE):
            yield value


def texts(*schemas: Schema) -> Iterator[str]:
    """Texts of the formats, and of lengths at and beside the bounds of all these schemas."""
    for schema in schemas:
        if schema.get("format") in _FORMATS:
            yield _FORMATS[schema["format"]]
    lengths = [
        schema[word] + more
        for schema in schemas
        for word in ("minLength", "maxLength")
        if word in schema
        for more in (0, 1, -1)
    ]
    yield from _TEXTS
    for length in lengths:
        if 0 <= length <= 10_000:
            yield "a" * length
            yield "0" * length


def _array(document: Document, branch: Schema, depth: int) -> Iterator[Any]:
    least = branch.get("minItems", 0)
    if least > 100:
        return
    before = branch.get("prefixItems", [])
    found: list[Any] = []
    try:
        for index in range(least):
            below = before[index] if index < len(before) else branch.get("items", True)
            found.append(_another(document, below, found, depth))
    except NoExample:
        return
    yield found
    rest = before[len(found)] if len(found) < len(before) else branch.get("items", True)
    for one in examples(document, rest, depth + 1):
        yield [*found, one]
        break


def _another(document: Document, schema: Any, taken: list[Any], depth: int) -> Any:
    first: Any = NoExample
    for one in examples(document, schema, depth + 1):
        if one not in taken:
            return one
        first = one if first is NoExample else first
    if first is NoExample:
        raise NoExample
    return first


def _object(document: Document, branch: Schema, depth: int) -> Iterator[Any]:
    properties = branch.get("properties", {})
    other = branch.get("additionalProperties", True)
    least: dict[str, Any] = {}
    try:
        for name in branch.get("required", []):
            least[name] = example(document, properties.get(name, other), depth + 1)
    except NoExample:
        return
    yield least
    full = dict(least)
    for name, below in properties.items():
        if name not in full:
            for one in examples(document, below, depth + 1):
                full[name] = one
                yield least | {name: one}
                break
    yield full
    for name in ("other", "another"):
        for one in examples(document, other, depth + 1):
            yield full | {name: one}
            yield least | {name: one}
            break
