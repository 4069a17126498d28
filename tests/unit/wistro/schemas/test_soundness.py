"""The three answers held against a validator, over generated schemas and instances."""

from __future__ import annotations

import os
from itertools import islice
from typing import Any

import jsonschema_rs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wistro.schemas import (
    DoesNotFit,
    Fits,
    all_of,
    any_of,
    contradict,
    fits,
    normalise,
)
from wistro.schemas.examples import examples
from wistro.schemas.view import Document

NAMES = ("a", "b", "c")
TEXTS = st.sampled_from(["", "a", "b", "ab", "abc", "A1", "0"])
NUMBERS = st.one_of(st.integers(-4, 4), st.sampled_from([0.5, -1.5, 2.0, 2**53 - 1]))
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
VALUES = st.recursive(
    SCALARS,
    lambda below: st.one_of(
        st.lists(below, max_size=3), st.dictionaries(st.sampled_from(NAMES), below, max_size=3)
    ),
    max_leaves=8,
)
TRIES = settings(
    max_examples=int(os.environ.get("WISTRO_TEST_EXAMPLES", "200")),
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much],
)


def _maybe(**keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=keywords)


_BOUND = st.one_of(st.integers(-3, 3), st.just(0.5))
_COUNT = st.integers(0, 3)
_NUMERIC = _maybe(
    minimum=_BOUND,
    maximum=_BOUND,
    exclusiveMinimum=_BOUND,
    exclusiveMaximum=_BOUND,
    multipleOf=st.sampled_from([1, 2, 3, 0.5]),
)
_TEXTUAL = _maybe(
    minLength=_COUNT, maxLength=_COUNT, pattern=st.sampled_from(["^a", "b$", "^[0-9]+$"])
)


def _schemas(below: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    objects = st.fixed_dictionaries(
        {"type": st.just("object")},
        optional={
            "properties": st.dictionaries(st.sampled_from(NAMES), below, max_size=3),
            "required": st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
            "additionalProperties": st.one_of(st.booleans(), below),
            "propertyNames": st.sampled_from([{"enum": ["a", "b"]}, {"minLength": 1}]),
            "minProperties": _COUNT,
            "maxProperties": _COUNT,
        },
    )
    arrays = st.fixed_dictionaries(
        {"type": st.just("array")},
        optional={
            "items": below,
            "prefixItems": st.lists(below, min_size=1, max_size=2),
            "minItems": _COUNT,
            "maxItems": _COUNT,
            "uniqueItems": st.booleans(),
        },
    )
    several = st.lists(below, min_size=1, max_size=3)
    combined = st.one_of(
        st.fixed_dictionaries({"anyOf": several}),
        st.fixed_dictionaries({"oneOf": several}),
        st.fixed_dictionaries({"allOf": several}),
        st.fixed_dictionaries({"not": below}),
        st.fixed_dictionaries({"anyOf": several, "type": st.sampled_from(["object", "string"])}),
        st.fixed_dictionaries({"if": below, "then": below}),
    )
    return st.one_of(objects, arrays, combined)


_LEAVES = st.one_of(
    st.just({}),
    st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"]).map(
        lambda kind: {"type": kind}
    ),
    st.lists(SCALARS, min_size=1, max_size=3).map(lambda values: {"enum": values}),
    SCALARS.map(lambda value: {"const": value}),
    st.tuples(st.sampled_from(["integer", "number"]), _NUMERIC).map(
        lambda both: {"type": both[0], **both[1]}
    ),
    _NUMERIC,
    _TEXTUAL.map(lambda rest: {"type": "string", **rest}),
    st.lists(st.sampled_from(["null", "integer", "string", "object"]), min_size=1, unique=True).map(
        lambda kinds: {"type": kinds}
    ),
)
SCHEMAS = st.recursive(_LEAVES, _schemas, max_leaves=6)


def _instances(*schemas: Any) -> list[Any]:
    """Instances that a schema's own words suggest: random values seldom meet an object's demands."""
    found: list[Any] = []
    for schema in map(normalise, schemas):
        found += islice(examples(Document(schema), schema), 30)
    return found


def _valid(schema: Any, value: Any) -> bool:
    return jsonschema_rs.Draft202012Validator(schema).is_valid(value)


@TRIES
@given(emitter=SCHEMAS, subscriber=SCHEMAS, values=st.lists(VALUES, max_size=20))
def test_what_fits_is_valid_and_what_does_not_has_a_witness(emitter, subscriber, values):
    verdict = fits(normalise(emitter), normalise(subscriber))

    if isinstance(verdict, Fits):
        for value in [*values, *_instances(emitter)]:
            assert not _valid(emitter, value) or _valid(subscriber, value), value
    elif isinstance(verdict, DoesNotFit):
        assert _valid(emitter, verdict.instance)
        assert not _valid(subscriber, verdict.instance)


@TRIES
@given(schema=SCHEMAS, more=SCHEMAS, values=st.lists(VALUES, max_size=20))
def test_neighbours_of_a_schema_are_judged_soundly(schema, more, values):
    one, other = normalise(schema), normalise(more)

    assert fits(one, one) == Fits()
    for emitter, subscriber in (
        (one, any_of([one, other])),
        (all_of([one, other]), one),
        (any_of([one, other]), one),
        (one, all_of([one, other])),
    ):
        verdict = fits(emitter, subscriber)
        if isinstance(verdict, Fits):
            for value in [*values, *_instances(emitter)]:
                assert not _valid(emitter, value) or _valid(subscriber, value), value
        elif isinstance(verdict, DoesNotFit):
            assert _valid(emitter, verdict.instance)
            assert not _valid(subscriber, verdict.instance)


@TRIES
@given(one=SCHEMAS, other=SCHEMAS, values=st.lists(VALUES, max_size=20))
def test_contradicting_schemas_share_no_value(one, other, values):
    if contradict(normalise(one), normalise(other)) is not None:
        every = [*values, *_instances(one, other)]
        assert not any(_valid(one, value) and _valid(other, value) for value in every)


@TRIES
@given(schema=SCHEMAS, values=st.lists(VALUES, max_size=20))
def test_the_normal_form_means_the_same(schema, values):
    found = normalise(schema)

    assert normalise(found) == found
    for value in [*values, *_instances(schema)]:
        assert _valid(schema, value) == _valid(found, value)
