"""Two locks compared: what a reader of the change is told, and whether a message breaks."""

from __future__ import annotations

from pathlib import Path

import pytest

from wistro.lock import file
from wistro.lock.diff import Change, compare
from wistro.lock.model import Lock, Reference
from wistro.schemas import key, normalise

GOLDEN = (Path(__file__).parents[3] / "golden" / "lock" / "project.lock").read_bytes()
CHARGE = "src/orders/charge"


def a_pair() -> tuple[Lock, Lock]:
    return file.parse(GOLDEN), file.parse(GOLDEN)


def told(old: Lock, new: Lock) -> list[str]:
    return [one.sentence for one in compare(old, file.parse(file.write(new)))]


def take(lock: Lock, schema: dict) -> None:
    """Step charge takes this message."""
    schema = normalise(schema)
    lock.schemas[key(schema)] = schema
    lock.steps[CHARGE].input = Reference(f"#/schemas/{key(schema)}")


def of_fields(old: dict, new: dict) -> list[Change]:
    before, after = a_pair()
    take(before, old)
    take(after, new)
    return [one for one in compare(before, after) if one.path]


def an_object(**properties: dict) -> dict:
    return {"type": "object", "properties": properties, "required": sorted(properties)}


def test_a_lock_does_not_differ_from_itself() -> None:
    assert compare(*a_pair()) == []


def test_edges_of_the_graph_are_said_one_by_one() -> None:
    old, new = a_pair()
    new.steps["src/orders/note"].config.subscribes = ["payment.done", "order.created"]

    assert told(old, new) == [
        "step `src/orders/note` hears `order.created`",
        "step `src/orders/note` no longer hears `payment.failed`",
        "step `src/orders/note` no longer hears `report.due`",
        "step `src/orders/note` no longer hears `stock.changed`",
    ]


def test_a_schedule_and_an_endpoint_say_what_they_were() -> None:
    old, new = a_pair()
    new.triggers.cron[0].schedule = "0 9 * * 1"
    new.triggers.api[0].auth = []

    said = told(old, new)

    assert any("is now 0 9 * * 1" in one and "was " in one for one in said)
    assert any(
        "asks for nobody's name (public) instead of api_key or hmac github" in one for one in said
    )


@pytest.mark.parametrize(
    ("old", "new", "path", "text", "breaks"),
    [
        (
            an_object(a={"type": "string"}),
            an_object(a={"type": "integer"}),
            "$.a",
            "integer, was string",
            True,
        ),
        (
            an_object(a={}),
            an_object(a={}, b={"type": "string"}),
            "$.b",
            "is new, string, required",
            True,
        ),
        (
            an_object(a={}, b={"type": "string"}),
            {"type": "object", "properties": {"a": {}}, "required": ["a"]},
            "$.b",
            "is gone",
            False,
        ),
        (
            {"type": "object", "properties": {"a": {"type": "string"}}},
            an_object(a={"type": "string"}),
            "$.a",
            "is required now",
            True,
        ),
        ({"enum": ["x", "y"]}, {"enum": ["x", "y", "z"]}, "$", 'may also be "z"', False),
        ({"enum": ["x", "y"]}, {"enum": ["x"]}, "$", 'may no longer be "y"', True),
        (
            {"type": "array", "items": an_object(n={"type": "integer"})},
            {"type": "array", "items": an_object(n={"type": "integer", "minimum": 3})},
            "$[].n",
            "`minimum` is 3",
            True,
        ),
        (
            {"type": "object", "additionalProperties": {"type": "integer"}},
            {"type": "object", "additionalProperties": {"type": "number"}},
            "$.*",
            "number, was integer",
            False,
        ),
        (
            an_object(**{"straße no": {"type": "string"}}),
            an_object(**{"straße no": {"type": "string", "maxLength": 5}}),
            '$["straße no"]',
            "`maxLength` is 5",
            True,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_message_is_compared_field_by_field(
    old: dict, new: dict, path: str, text: str, breaks: bool
) -> None:
    assert [(one.path, one.text, one.breaks) for one in of_fields(old, new)] == [
        (path, f"{path} {text}", breaks)
    ]


def test_a_message_that_refers_to_itself_is_compared_once() -> None:
    def tree(leaf: str) -> dict:
        return {
            "$ref": "#/$defs/Tree",
            "$defs": {
                "Tree": {
                    "type": "object",
                    "properties": {
                        "leaf": {"type": leaf},
                        "children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}},
                    },
                }
            },
        }

    assert [(one.path, one.text) for one in of_fields(tree("string"), tree("integer"))] == [
        ("$.leaf", "$.leaf integer, was string")
    ]


def test_what_answers_is_held_to_its_readers_schema() -> None:
    old, new = a_pair()
    status = "202"
    for lock, schema in ((old, an_object(id={"type": "string"})), (new, an_object(id={}))):
        schema = normalise(schema)
        lock.schemas[key(schema)] = schema
        lock.steps["src/orders/create"].responses[status] = Reference(f"#/schemas/{key(schema)}")

    (change,) = compare(old, new)

    assert change.sentence == "step `src/orders/create`, its answer 202: $.id any value, was string"
    assert change.breaks is True
