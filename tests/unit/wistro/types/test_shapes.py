"""JSON Schema as Python's and TypeScript's types: what is odd in a schema must be plain in the type."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from wistro.schemas import all_of, normalise
from wistro.types import node, python
from wistro.types.names import Names, type_name
from wistro.types.shapes import Shapes
from wistro.types.surface import Surface

TEXT, WHOLE = {"type": "string"}, {"type": "integer"}
# what: schema, Python's type, TypeScript's
PLAIN: dict[str, tuple[Any, str, str]] = {
    "anything": ({}, "_t.Any", "any"),
    "anything that is described": ({"description": "x", "title": "y"}, "_t.Any", "any"),
    "nothing": (False, "_t.Never", "never"),
    "a text": (TEXT, "str", "string"),
    "a whole number": (WHOLE, "int", "number"),
    "a number": ({"type": "number"}, "float", "number"),
    "a flag": ({"type": "boolean"}, "bool", "boolean"),
    "null": ({"type": "null"}, "None", "null"),
    "a text or null": ({"type": ["null", "string"]}, "str | None", "string | null"),
    "listed values": ({"enum": ["a", 1, True, None]}, "_t.Literal['a', 1, True, None]", '"a" | 1 | true | null'),
    "a value of another alphabet": ({"const": "größe"}, "_t.Literal['größe']", '"größe"'),
    "a text with quotes and a newline": ({"const": "'\"\n"}, "_t.Literal['\\'\"\\n']", '"\'\\"\\n"'),
    "a listed fraction": ({"enum": [1.5, 2.5]}, "float", "number"),
    "listed lists and objects": ({"enum": [[1], {"a": 1}]}, "list[_t.Any] | dict[str, _t.Any]", "any[] | { [key: string]: any }"),
    "both flags": ({"enum": [True, False]}, "bool", "boolean"),
    "a list": ({"type": "array", "items": TEXT}, "list[str]", "string[]"),
    "a list of either": ({"type": "array", "items": {"type": ["string", "integer"]}}, "list[int | str]", "(number | string)[]"),
    "a list of whatever": ({"type": "array"}, "list[_t.Any]", "any[]"),
    "an empty list": ({"type": "array", "items": False}, "list[_t.Never]", "never[]"),
    "a pair": ({"type": "array", "prefixItems": [TEXT, WHOLE], "items": False, "minItems": 2}, "list[str | int]", "[string, number]"),
    "a pair's loose end": ({"type": "array", "prefixItems": [TEXT], "items": WHOLE}, "list[str | int]", "[string?, ...number[]]"),
    "a map": ({"type": "object", "additionalProperties": WHOLE}, "dict[str, int]", "{ [key: string]: number }"),
    "a map of whatever": ({"type": "object"}, "dict[str, _t.Any]", "{ [key: string]: any }"),
    "names by a pattern": ({"type": "object", "patternProperties": {"^x": TEXT}}, "dict[str, _t.Any]", "{ [key: string]: any }"),
    "either": ({"anyOf": [TEXT, WHOLE, TEXT]}, "int | str", "number | string"),
    "either, one of them anything": ({"anyOf": [TEXT, {}]}, "_t.Any", "any"),
    "both at once": ({"allOf": [{"type": ["string", "integer"]}, {"type": ["integer", "null"]}]}, "int", "number"),
    "a condition is left to the run": ({"if": {"required": ["a"]}, "then": {"required": ["b"]}, "type": "string"}, "str", "string"),
}  # fmt: skip


def surface(schema: Any, name: str = "Thing") -> Surface:
    shapes = Shapes(Names(set()))
    shape = shapes.read(normalise(schema), name)
    return Surface([], shapes.named, {"thing": shape}, [])


def texts(schema: Any, name: str = "Thing") -> tuple[str, str]:
    """Python's and TypeScript's type, and that each whole file can be read."""
    found = surface(schema, name)
    ast.parse(python.render(found))
    return python.text(found.topics["thing"]), node.text(found.topics["thing"])


def lines(schema: Any) -> tuple[list[str], list[str]]:
    """The lines of both files, stripped."""
    found = surface(schema)
    whole = (python.render(found), node.render(found))
    ast.parse(whole[0])
    return tuple([line.strip() for line in text.splitlines()] for text in whole)  # type: ignore[return-value]


@pytest.mark.parametrize("what", PLAIN)
def test_a_schema_is_the_nearest_type(what: str) -> None:
    schema, in_python, in_typescript = PLAIN[what]

    assert texts(schema) == (in_python, in_typescript)


def test_an_object_has_its_fields_and_what_may_stay_away() -> None:
    schema = {"type": "object", "required": ["sku"], "properties": {"sku": TEXT, "quantity": WHOLE}}
    in_python, in_typescript = lines(schema)

    assert "class Thing(_t.TypedDict):" in in_python
    assert {"sku: str", "quantity: _t.NotRequired[int]"} <= set(in_python)
    assert {"export interface Thing {", "sku: string", "quantity?: number"} <= set(in_typescript)


def test_a_closed_object_takes_no_other_key_and_an_open_one_says_so() -> None:
    fields = {"properties": {"a": TEXT}, "type": "object"}

    assert (
        "class Thing(_t.TypedDict, closed=True):"
        in lines(fields | {"additionalProperties": False})[0]
    )
    opened = lines(fields | {"additionalProperties": True})
    assert "class Thing(_t.TypedDict, extra_items='_t.Any'):" in opened[0]
    assert "[key: string]: unknown" in opened[1]


def test_a_required_field_without_a_schema_is_there() -> None:
    in_python, in_typescript = lines({"type": "object", "required": ["a"]})

    assert "a: _t.Any" in in_python and "a: any" in in_typescript


def test_keys_that_no_language_takes_as_names() -> None:
    keys = ["from", "content-type", "__private", "größe", "2nd", "a'b\"c\n", "ﬁ", ""]
    schema = {"type": "object", "required": keys, "properties": dict.fromkeys(keys, TEXT)}
    _, in_typescript = lines(schema)

    whole = ast.parse(python.render(surface(schema))).body
    (call,) = [one.value for one in whole if isinstance(one, ast.Assign)]
    assert isinstance(call, ast.Call) and isinstance(call.args[1], ast.Dict)
    found = [one.value for one in call.args[1].keys if isinstance(one, ast.Constant)]
    assert found == sorted(keys)[1:]  # a TypedDict has no empty key
    assert {"from: string", '"content-type": string', '"2nd": string', '"": string'} <= set(
        in_typescript
    )


def test_a_tree_holds_itself_by_its_name() -> None:
    tree = {"$ref": "#/$defs/t", "$defs": {"t": {"type": "object", "required": ["below"], "properties": {"below": {"type": "array", "items": {"$ref": "#/$defs/t"}}}}}}  # fmt: skip

    in_python, in_typescript = lines(tree)

    assert "below: list[Thing]" in in_python and "below: Thing[]" in in_typescript


def test_a_list_of_itself_is_an_alias() -> None:
    json = {"$ref": "#/$defs/j", "$defs": {"j": {"anyOf": [TEXT, {"type": "array", "items": {"$ref": "#/$defs/j"}}]}}}  # fmt: skip

    in_python, in_typescript = lines(json)

    assert "Thing: _t.TypeAlias = 'str | list[Thing]'" in in_python
    assert "export type Thing = string | Thing[]" in in_typescript


def test_two_that_hold_each_other_end() -> None:
    schemas = {
        "$defs": {
            "a": {"type": "object", "properties": {"b": {"$ref": "#/$defs/b"}}},
            "b": {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}, "n": WHOLE}},
        },
        "allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}],
    }

    in_python, _ = lines(schemas)

    assert "n: _t.NotRequired[int]" in in_python


def test_what_several_subscribers_require_is_one_type() -> None:
    one = normalise(
        {
            "type": "object",
            "required": ["sku"],
            "properties": {"sku": TEXT, "n": {"type": "number"}},
        }
    )
    other = normalise({"type": "object", "required": ["n"], "properties": {"n": WHOLE, "at": TEXT}})

    in_python, in_typescript = lines(all_of([one, other]))

    assert {"sku: str", "n: int", "at: _t.NotRequired[str]"} <= set(in_python)
    assert {"sku: string", "n: number", "at?: string"} <= set(in_typescript)


def test_kinds_are_named_by_their_tag() -> None:
    def kind(tag: str, **more: Any) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["kind", *more],
            "properties": {"kind": {"const": tag}, **more},
        }

    schema = {"oneOf": [kind("card", number=TEXT), kind("cash"), kind("other-one")]}

    assert texts(schema)[0] == "ThingCard | ThingCash | ThingOtherOne"


def test_a_description_and_what_the_type_cannot_say_stand_beside_it() -> None:
    at = {"type": "string", "format": "date-time", "description": 'When, or */ never """'}
    in_python, in_typescript = lines(
        {"type": "object", "description": "A thing", "properties": {"at": at}}
    )

    assert '"""A thing"""' in in_python and "/** A thing */" in in_typescript
    assert any("format: date-time" in one for one in in_python)
    assert not any("*/ never" in one for one in in_typescript)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Charge card", "ChargeCard"), ("order.created", "OrderCreated"), ("2fa", "Step2fa"), ("!!!", "Step"),
        ("Bestellung prüfen", "BestellungPrüfen"), ("付款", "付款"), ("none", "None_"), ("a🙂b", "AB"),
    ],
)  # fmt: skip
def test_a_name_is_a_class_whatever_people_wrote(label: str, name: str) -> None:
    found = type_name(label, otherwise="Step")

    assert found.isidentifier()
    assert found == name or label == "none"


def test_a_second_of_a_name_is_another() -> None:
    names = Names({"Thing"})

    assert [names.take("Thing"), names.take("Thing")] == ["Thing2", "Thing3"]
