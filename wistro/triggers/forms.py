"""A form made from a JSON Schema: its fields, and the value that a filled one makes.

What a plain form cannot show (lists of objects, alternatives) is one field that takes JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from wistro.schemas.normalise import Schema
from wistro.schemas.view import Document

MAX_DEPTH = 6
LONG_TEXT = 200
_INPUTS = {
    "email": "email",
    "uri": "url",
    "date": "date",
    "time": "time",
    "date-time": "text",
}


@dataclass(frozen=True)
class Field:
    """One input. `pointer` is its place in the value, and with a prefix its name in the form."""

    pointer: str
    kind: str  # text | long | number | integer | flag | choice | json
    label: str
    help: str
    is_required: bool
    schema: Schema
    choices: tuple[Any, ...] = ()

    @property
    def name(self) -> str:
        return f"form{self.pointer}"

    @property
    def input_type(self) -> str:
        return _INPUTS.get(self.schema.get("format", ""), "text")

    @property
    def default(self) -> str:
        """What stands in it before anybody writes."""
        given = self.schema.get("default")
        if given is None:
            return ""
        return given if isinstance(given, str) else msgspec.json.encode(given).decode()


def fields_of(schema: Schema | None) -> list[Field]:
    """In the schema's order, nested objects' after their label; none for a schema that asks for nothing."""
    if schema is None or schema == {}:
        return []
    document = Document(schema)
    root = _plain(document, schema)
    if root.get("type") != "object" or "properties" not in root:
        return [] if root.get("type") == "object" else [_field(document, root, "", "Value", True)]
    return _properties(document, root, "", 0)


def read(fields: list[Field], given: Mapping[str, str]) -> Any:
    """The value that the fields make: what is left empty is left out where it may be. It may not fit the schema."""
    if len(fields) == 1 and fields[0].pointer == "":
        value = _read(fields[0], given.get(fields[0].name))
        return None if value is _ABSENT else value
    found: dict[str, Any] = {}
    for field in fields:
        value = _read(field, given.get(field.name))
        if value is not _ABSENT:
            _put(found, field.pointer, value)
    return found


_ABSENT: Any = object()


def _properties(document: Document, schema: Schema, at: str, depth: int) -> list[Field]:
    required = schema.get("required", ())
    found: list[Field] = []
    for name, below in schema["properties"].items():
        pointer = f"{at}/{name.replace('~', '~0').replace('/', '~1')}"
        plain = _plain(document, below)
        if plain.get("type") == "object" and "properties" in plain and depth < MAX_DEPTH:
            found += _properties(document, plain, pointer, depth + 1)
        else:
            label = name if not at else f"{at[1:].replace('/', ' ')} {name}"
            found.append(_field(document, plain, pointer, label, name in required))
    return found


def _plain(document: Document, schema: Any) -> Schema:
    """References followed, and `X or null` read as an X that may be left out."""
    for _ in range(MAX_DEPTH):
        if not isinstance(schema, dict):
            return {}
        if "$ref" in schema:
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            target = document.target(schema["$ref"])
            schema = {**target, **rest} if isinstance(target, dict) else rest
            continue
        several = schema.get("anyOf") or schema.get("oneOf")
        others = [one for one in several or () if one != {"type": "null"}]
        if several and len(others) == 1 and isinstance(others[0], dict):
            rest = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}
            schema = {**others[0], **rest}
            continue
        return schema
    return {}


def _field(
    document: Document, schema: Schema, pointer: str, label: str, is_required: bool
) -> Field:
    label = schema.get("title") or label.replace("_", " ")
    choices = _choices(schema)
    return Field(
        pointer=pointer,
        kind=_kind(schema, choices),
        label=label[:1].upper() + label[1:],
        help=str(schema.get("description", "")),
        is_required=is_required,
        schema=schema,
        choices=choices,
    )


def _choices(schema: Schema) -> tuple[Any, ...]:
    if "const" in schema:
        return (schema["const"],)
    return tuple(schema.get("enum", ()))


def _kind(schema: Schema, choices: tuple[Any, ...]) -> str:
    kind = schema.get("type")
    if choices:
        return "choice"
    if kind == "boolean":
        return "flag"
    if kind in ("integer", "number"):
        return str(kind)
    if kind == "string":
        short = schema.get("maxLength", LONG_TEXT + 1) <= LONG_TEXT
        return "text" if short or "format" in schema or "pattern" in schema else "long"
    return "json"


def _read(field: Field, text: str | None) -> Any:
    """What cannot be read stays a text, so that the schema says what was wanted."""
    if field.kind == "flag":
        return text is not None and text != "false"
    if field.kind in ("text", "long"):
        text = (text or "").replace("\r\n", "\n")
        return text if text or field.is_required else _ABSENT
    if text is None or not text.strip():
        return _ABSENT
    if field.kind == "choice":
        return next((one for one in field.choices if shown(one) == text), text)
    try:
        return msgspec.json.decode(text.strip())
    except (msgspec.DecodeError, RecursionError):
        return text


def shown(choice: Any) -> str:
    """A choice as the form's own value of it."""
    return choice if isinstance(choice, str) else msgspec.json.encode(choice).decode()


def _put(found: dict[str, Any], pointer: str, value: Any) -> None:
    *above, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    for name in above:
        found = found.setdefault(name, {})
    found[last] = value
