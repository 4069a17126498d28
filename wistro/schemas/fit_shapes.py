"""Objects and lists of an emitter against those that a subscriber wants."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wistro.schemas import examples
from wistro.schemas.normalise import Schema

if TYPE_CHECKING:
    from wistro.schemas.fit import Comparison, Misfit

UNDECLARED: Any = object()  # a property that the emitter neither declares nor forbids
_FRESH = ("other", "another", "zzz", "other_property")


def objects(of: Comparison, emitted: Schema, wanted: Schema) -> Misfit | None:
    from wistro.schemas.fit import worst

    return worst(
        (
            *_missing(of, emitted, wanted),
            *_properties(of, emitted, wanted),
            _others(of, emitted, wanted),
            _names(of, emitted, wanted),
            _count(of, emitted, wanted),
        )
    )


def _rest(schema: Schema) -> Any:
    """What the emitter says of properties that it does not list."""
    if "patternProperties" in schema:
        return UNDECLARED
    return schema.get("additionalProperties", UNDECLARED)


def _missing(of: Comparison, emitted: Schema, wanted: Schema) -> Iterator[Misfit]:
    from wistro.schemas.fit import Misfit

    for name in wanted.get("required", ()):
        if name not in emitted.get("required", ()):
            missing = {"required": [name]}
            every = (
                {key: value for key, value in one.items() if key != name}
                for one in examples.examples(of.emitter, emitted)
            )
            known = name in emitted.get("properties", {})
            why = f"`{name}` may be missing" if known else f"`{name}` is missing"
            yield Misfit("required", why, (name,), of.witness(emitted, missing, every))


def _properties(of: Comparison, emitted: Schema, wanted: Schema) -> Iterator[Misfit | None]:
    from wistro.schemas.fit import Misfit

    mine, theirs = emitted.get("properties", {}), wanted.get("properties", {})
    rest, other = _rest(emitted), wanted.get("additionalProperties", True)
    for name in sorted(mine.keys() | theirs.keys()):
        below, want = mine.get(name, rest), theirs.get(name, other)
        if below is False or want is True or want == {}:
            continue
        if below is UNDECLARED:
            yield Misfit("additionalProperties", path=(name,))
            continue
        found = of.compare(below, want)
        if found is None:
            continue
        if want is False:
            found = replace(
                found, why=f"`{name}` is not allowed here", keyword="additionalProperties"
            )
        elif not found.path:
            found = replace(found, why=_named(name, found.why))
        yield _within(of, emitted, found, name)


def _named(name: str, why: str) -> str:
    return f"`{name}` {why}" if why.startswith("may ") else f"`{name}`: {why}"


def _within(of: Comparison, emitted: Schema, found: Misfit, name: str) -> Misfit:
    """The same misfit seen from the object: its witness is an object with that property."""
    from wistro.schemas.fit import NOTHING

    path = (name.replace("~", "~0").replace("/", "~1"), *found.path)
    if not found.is_proved:
        return replace(found, path=path)
    for one in examples.examples(of.emitter, emitted):
        whole = one | {name: found.witness}
        if of.emitter.holds(emitted, whole):
            return replace(found, path=path, witness=whole)
    return replace(found, path=path, witness=NOTHING)


def _others(of: Comparison, emitted: Schema, wanted: Schema) -> Misfit | None:
    from wistro.schemas.fit import Misfit

    rest, other = _rest(emitted), wanted.get("additionalProperties", True)
    if rest is False or other is True or other == {}:
        return None
    if rest is UNDECLARED:
        return Misfit("additionalProperties")
    found = of.compare(rest, other)
    if found is None:
        return None
    taken = emitted.get("properties", {}).keys() | wanted.get("properties", {}).keys()
    name = next(one for one in (*_FRESH, "_" * 40) if one not in taken)
    return replace(_within(of, emitted, found, name), path=("*", *found.path))


def _names(of: Comparison, emitted: Schema, wanted: Schema) -> Misfit | None:
    from wistro.schemas.fit import NOTHING, Misfit

    names = wanted.get("propertyNames")
    if names is None:
        return None
    for name, below in emitted.get("properties", {}).items():
        if below is not False and not of.subscriber.holds(names, name):
            found = Misfit("propertyNames", f"`{name}` is not allowed here", witness=NOTHING)
            for one in examples.examples(of.emitter, below):
                return _within(of, emitted, replace(found, witness=one), name)
            return found
    rest = _rest(emitted)
    if rest is False:
        return None
    found = of.compare(emitted.get("propertyNames", {"type": "string"}), names)
    if found is None:
        return None
    if rest is not UNDECLARED and found.is_proved and isinstance(found.witness, str):
        why = f"the name `{found.witness}` is not allowed here"
        for one in examples.examples(of.emitter, rest):
            misfit = Misfit("propertyNames", why, witness=one)
            return replace(_within(of, emitted, misfit, found.witness), path=())
    return Misfit("propertyNames")


def _count(of: Comparison, emitted: Schema, wanted: Schema) -> Misfit | None:
    from wistro.schemas.fit import Misfit

    least = max(emitted.get("minProperties", 0), len(emitted.get("required", ())))
    most = emitted.get("maxProperties", math.inf)
    if _rest(emitted) is False:
        most = min(most, len(emitted.get("properties", {})))
    for word, is_met, said in (
        ("minProperties", least >= wanted.get("minProperties", 0), "fewer"),
        ("maxProperties", most <= wanted.get("maxProperties", math.inf), "more"),
    ):
        if not is_met:
            limit = {word: wanted[word]}
            witness = of.witness(emitted, limit, examples.examples(of.emitter, emitted))
            return Misfit(word, f"may have {said} than {wanted[word]} properties", witness=witness)
    return None


def arrays(of: Comparison, emitted: Schema, wanted: Schema) -> Misfit | None:
    from wistro.schemas.fit import worst

    return worst((*_length(of, emitted, wanted), *_items(of, emitted, wanted)))


def _most(schema: Schema) -> float:
    most = schema.get("maxItems", math.inf)
    return min(most, len(schema.get("prefixItems", ()))) if schema.get("items") is False else most


def _length(of: Comparison, emitted: Schema, wanted: Schema) -> Iterator[Misfit]:
    from wistro.schemas.fit import Misfit

    def misfit(word: str, why: str) -> Misfit:
        limit = {word: wanted[word]}
        return Misfit(word, why, witness=of.witness(emitted, limit, _lists(of, emitted, wanted)))

    if wanted.get("minItems", 0) > emitted.get("minItems", 0):
        yield misfit("minItems", f"may have fewer than {wanted['minItems']} items")
    if wanted.get("maxItems", math.inf) < _most(emitted):
        yield misfit("maxItems", f"may have more than {wanted['maxItems']} items")
    if wanted.get("uniqueItems") and not emitted.get("uniqueItems") and _most(emitted) > 1:
        yield misfit("uniqueItems", "may hold the same item twice")


def _lists(of: Comparison, emitted: Schema, wanted: Schema) -> Iterator[list[Any]]:
    """Lists of every length that matters, repeating items."""
    every = list(examples.examples(of.emitter, emitted))
    yield from every
    before, rest = emitted.get("prefixItems", []), emitted.get("items", True)
    most = wanted.get("maxItems", 0) + 1
    for length in {2, min(most, 50)}:
        found: list[Any] = []
        for index in range(length):
            below = before[index] if index < len(before) else rest
            one = next(iter(examples.examples(of.emitter, below)), None)
            if one is not None or of.emitter.holds(below, None):
                found.append(one)
        yield found


def _items(of: Comparison, emitted: Schema, wanted: Schema) -> Iterator[Misfit | None]:
    mine, theirs = emitted.get("prefixItems", []), wanted.get("prefixItems", [])
    rest, other = emitted.get("items", True), wanted.get("items", True)
    most = _most(emitted)
    positions = max(len(mine), len(theirs))
    for index in range(positions + 1):
        if index >= most:
            return
        below = mine[index] if index < len(mine) else rest
        want = theirs[index] if index < len(theirs) else other
        found = of.compare(below, want)
        if found is not None:
            part = str(index) if index < positions or positions else "*"
            yield _at(of, emitted, found, index, part)


def _at(of: Comparison, emitted: Schema, found: Misfit, index: int, part: str) -> Misfit:
    from wistro.schemas.fit import NOTHING

    path = (part, *found.path)
    why = found.why if found.path else f"an item: {found.why}"
    if not found.is_proved:
        return replace(found, path=path)
    before, rest = emitted.get("prefixItems", []), emitted.get("items", True)
    whole: list[Any] = []
    for at in range(max(index + 1, emitted.get("minItems", 0))):
        below = before[at] if at < len(before) else rest
        if at == index:
            whole.append(found.witness)
        else:
            taken = [*whole, found.witness]
            every = list(examples.examples(of.emitter, below))
            fresh = [one for one in every if one not in taken] or every
            if not fresh:
                return replace(found, path=path, witness=NOTHING)
            whole.append(fresh[0])
    if not of.emitter.holds(emitted, whole):
        return replace(found, path=path, witness=NOTHING)
    return replace(found, path=path, why=why, witness=whole)
