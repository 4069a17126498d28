"""Is there surely no instance of both? Used for `oneOf`, and for subscribers that contradict each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wistro.schemas.fit_values import bounds
from wistro.schemas.normalise import Schema
from wistro.schemas.view import Document, TooMany

MAX_DEPTH = 12


@dataclass(frozen=True)
class Clash:
    """Where two schemas exclude each other."""

    path: str
    why: str


def contradict(one: Schema, other: Schema) -> Clash | None:
    """Why nothing fits both normalised schemas; None when something may."""
    found = _clash(Document(one), one, Document(other), other, 0)
    if found is None:
        return None
    path, why = found
    return Clash("".join(f"/{part}" for part in path), why)


def are_disjoint(document: Document, schema: Any, other: Document, second: Any) -> bool:
    return _clash(document, schema, other, second, 0) is not None


Found = tuple[tuple[str, ...], str]


def _clash(left: Document, one: Any, right: Document, other: Any, depth: int) -> Found | None:
    """Every branch of the one must exclude every branch of the other."""
    if depth > MAX_DEPTH:
        return None
    try:
        mine, theirs = left.branches(one), right.branches(other)
    except TooMany:
        return None
    if not mine or not theirs:
        return ((), "nothing fits one of them")
    first: Found | None = None
    for a in mine:
        for b in theirs:
            found = _simple(left, a, right, b, depth)
            if found is None:
                return None
            if first is None or len(found[0]) > len(first[0]):
                first = found
    return first


def _simple(left: Document, a: Schema, right: Document, b: Schema, depth: int) -> Found | None:
    if "enum" in a:
        if any(left.holds(a, one) and right.holds(b, one) for one in a["enum"]):
            return None
        return ((), "no value is allowed by both")
    if "enum" in b:
        if any(right.holds(b, one) and left.holds(a, one) for one in b["enum"]):
            return None
        return ((), "no value is allowed by both")
    kinds = {a["type"], b["type"]}
    if len(kinds) == 2 and kinds != {"integer", "number"}:
        return ((), f"one wants {a['type']}, the other {b['type']}")
    if kinds <= {"integer", "number"}:
        (low, high), (low_b, high_b) = bounds(a), bounds(b)
        if max(low, low_b)[0] > min(high, high_b)[0]:
            return ((), "their ranges do not meet")
    if kinds == {"string"}:
        return _lengths(a, b, "minLength", "maxLength")
    if kinds == {"array"}:
        return _lengths(a, b, "minItems", "maxItems")
    if kinds == {"object"}:
        return _objects(left, a, right, b, depth)
    return None


def _lengths(a: Schema, b: Schema, low: str, high: str) -> Found | None:
    least = max(a.get(low, 0), b.get(low, 0))
    if least > min(a.get(high, least), b.get(high, least)):
        return ((), "their lengths do not meet")
    return None


def _objects(left: Document, a: Schema, right: Document, b: Schema, depth: int) -> Found | None:
    for name in sorted({*a.get("required", ()), *b.get("required", ())}):
        mine, theirs = _property(a, name), _property(b, name)
        if mine is False or theirs is False:
            return ((name,), f"one wants `{name}`, the other forbids it")
        found = _clash(left, mine, right, theirs, depth + 1)
        if found is not None:
            return ((name, *found[0]), found[1])
    return None


def _property(schema: Schema, name: str) -> Any:
    if name in schema.get("properties", {}):
        return schema["properties"][name]
    return True if "patternProperties" in schema else schema.get("additionalProperties", True)
