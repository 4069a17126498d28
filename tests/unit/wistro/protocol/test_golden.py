"""Every message on a wire has its golden JSON; Node, Go and the screens read the same files."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from wistro.protocol.frames import FromEngine, FromHost
from wistro.protocol.records import Record

GOLDEN = Path(__file__).parents[3] / "golden" / "protocol"
MODULES = ("bundle", "frames", "machine", "reading", "records", "route", "routing", "samples")


def structs(module: str) -> dict[str, type[msgspec.Struct]]:
    found = vars(importlib.import_module(f"wistro.protocol.{module}"))
    return {
        name: one
        for name, one in found.items()
        if isinstance(one, type)
        and issubclass(one, msgspec.Struct)
        and one.__module__ == f"wistro.protocol.{module}"
    }


def golden(module: str) -> dict[str, list[Any]]:
    return json.loads((GOLDEN / f"{module}.json").read_text(encoding="utf-8"))


MESSAGES = [
    pytest.param(struct, message, id=f"{module}.{name}[{number}]")
    for module in MODULES
    for name, struct in structs(module).items()
    for number, message in enumerate(golden(module).get(name, []))
]


@pytest.mark.parametrize("module", MODULES)
def test_every_message_of_a_wire_has_a_golden_one(module):
    assert set(structs(module)) <= set(golden(module))


@pytest.mark.parametrize(("struct", "message"), MESSAGES)
def test_a_golden_message_is_read_and_written_unchanged(struct, message):
    read = msgspec.json.decode(json.dumps(message), type=struct)

    assert json.loads(msgspec.json.encode(read)) == message


@pytest.mark.parametrize(("struct", "message"), MESSAGES)
def test_a_field_of_the_next_protocol_is_passed_over(struct, message):
    read = msgspec.json.decode(json.dumps(message | {"of_the_next_protocol": 1}), type=struct)

    assert json.loads(msgspec.json.encode(read)) == message


@pytest.mark.parametrize(("struct", "message"), MESSAGES)
def test_a_message_without_one_of_its_required_fields_is_refused(struct, message):
    required = [one.encode_name for one in msgspec.structs.fields(struct) if one.required]

    for name in required:
        short = {key: value for key, value in message.items() if key != name}
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(json.dumps(short), type=struct)


@pytest.mark.parametrize(
    ("union", "tag", "module"),
    [
        (FromEngine, "frame", "frames"),
        (FromHost, "frame", "frames"),
        (Record, "kind", "records"),
    ],
)
def test_a_message_on_a_shared_wire_says_what_it_is(union, tag, module):
    for struct in union.__args__:
        for message in golden(module)[struct.__name__]:
            assert message[tag] == struct.__struct_config__.tag
            assert type(msgspec.json.decode(json.dumps(message), type=union)) is struct
