"""JSON Schema of what Python people write: pydantic models, dataclasses, TypedDicts, typing's constructs."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import enum
import importlib
import sys
import types
import typing
import uuid

PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
FORMATS = {
    datetime.datetime: "date-time",
    datetime.date: "date",
    datetime.time: "time",
    uuid.UUID: "uuid",
}
_TYPED_DICT_MARKS = ("Required", "NotRequired", "ReadOnly")


class Unsupported(Exception):
    """A type that has no JSON Schema here."""


def schema_of(value) -> dict | bool:
    """A JSON Schema as it is; a type's, self-contained."""
    if isinstance(value, dict | bool):
        return value
    if not isinstance(value, type) and hasattr(value, "json_schema"):  # pydantic.TypeAdapter
        return value.json_schema()
    definitions: dict[str, dict] = {}
    found = _of(value, definitions)
    if isinstance(value, type) and found.get("title") == value.__name__:
        del found["title"]
    return {**found, **({"$defs": definitions} if definitions else {})}


def _of(kind, definitions: dict) -> dict:
    if kind in PLAIN:
        return {"type": PLAIN[kind]}
    if kind is None:
        return {"type": "null"}
    if kind is typing.Any or kind is object:
        return {}
    if kind in FORMATS:
        return {"type": "string", "format": FORMATS[kind]}
    if isinstance(kind, type) and not typing.get_args(kind):
        return _of_class(kind, definitions)
    return _of_construct(kind, definitions)


def _of_class(kind: type, definitions: dict) -> dict:
    if isinstance(own := getattr(kind, "wistro_schema", None), dict):
        return own
    if hasattr(kind, "model_json_schema"):
        return _of_pydantic(kind, definitions, kind.model_json_schema)
    if hasattr(kind, "__pydantic_validator__"):  # a dataclass of pydantic's, with its constraints
        adapter = sys.modules["pydantic"].TypeAdapter(kind)
        return _of_pydantic(kind, definitions, adapter.json_schema)
    if hasattr(kind, "__fields__") and hasattr(kind, "__get_validators__"):
        return _of_pydantic_1(kind, definitions)
    if issubclass(kind, enum.Enum):
        return {"enum": [member.value for member in kind]}
    if dataclasses.is_dataclass(kind):
        fields = [one for one in dataclasses.fields(kind) if one.init]
        required = [
            one.name
            for one in fields
            if one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
        ]
        return _object(kind, [one.name for one in fields], required, definitions)
    if typing.is_typeddict(kind) or hasattr(kind, "__required_keys__"):
        names = [*kind.__required_keys__, *kind.__optional_keys__]
        return _object(kind, names, _required(kind), definitions)
    if kind is dict:
        return {"type": "object"}
    if kind in (list, tuple):
        return {"type": "array"}
    raise Unsupported(
        f"{kind.__name__} is neither a pydantic model, a dataclass, a TypedDict nor JSON Schema"
    )


def _required(kind) -> list[str]:
    """`__required_keys__` misses NotRequired under `from __future__ import annotations` (python/cpython#97727)."""
    hints = typing.get_type_hints(kind, include_extras=True)
    found = []
    for name, hint in hints.items():
        mark = getattr(typing.get_origin(hint), "_name", None)
        if mark == "Required" or (mark != "NotRequired" and name in kind.__required_keys__):
            found.append(name)
    return found


def _object(kind, names: list[str], required: list[str], definitions: dict) -> dict:
    """A reference into `definitions`: classes may hold themselves."""
    name = _prefix(kind)
    if name not in definitions:
        definitions[name] = {}
        hints = typing.get_type_hints(kind, include_extras=True)
        definitions[name] = {
            "type": "object",
            "properties": {one: _of(hints[one], definitions) for one in sorted(names)},
            "required": sorted(required),
        }
    return {"$ref": f"#/$defs/{name}"}


def _of_pydantic(kind, definitions: dict, ask) -> dict:
    prefix = _prefix(kind)
    found = ask(ref_template=f"#/$defs/{prefix}:{{model}}")
    return _moved(found, found.pop("$defs", {}), kind, definitions)


def _of_pydantic_1(kind, definitions: dict) -> dict:
    """pydantic 1 says nothing of None where a field allows it; its fields know."""
    home = next(one for one in kind.__mro__ if one.__module__.partition(".")[0] == "pydantic")
    tools = importlib.import_module(home.__module__.rpartition(".")[0] + ".schema")
    found = kind.schema(ref_template=f"#/$defs/{_prefix(kind)}:{{model}}")
    below = found.pop("definitions", {})
    names = tools.get_model_name_map(tools.get_flat_models_from_model(kind))
    for model, name in names.items():
        whole = found if model is kind and name not in below else below.get(name, {})
        for field in getattr(model, "__fields__", {}).values():
            if field.allow_none and field.alias in whole.get("properties", {}):
                given = whole["properties"][field.alias]
                title = {"title": given.pop("title")} if "title" in given else {}
                whole["properties"][field.alias] = {**title, "anyOf": [given, {"type": "null"}]}
    return _moved(found, below, kind, definitions)


def _is_constraint(mark) -> bool:
    """`Field(gt=0)`, or a mark of annotated_types, which pydantic brings and reads."""
    return "pydantic" in sys.modules and type(mark).__module__.partition(".")[0] in (
        "pydantic",
        "annotated_types",
    )


def _prefix(kind) -> str:
    name = f"{kind.__module__}.{getattr(kind, '__qualname__', kind)}"
    return name.replace("/", "_").replace("~", "_")


def _moved(found: dict, below: dict, kind, definitions: dict) -> dict:
    """A model's schema, its own definitions put among all; titles that only repeat a name go."""
    for name, one in below.items():
        if one.get("title") == name:
            del one["title"]
        definitions[f"{_prefix(kind)}:{name}"] = one
    if found.get("title") == kind.__name__:
        del found["title"]
    return found


def _of_construct(kind, definitions: dict) -> dict:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(kind, typing.NewType):
        return _of(kind.__supertype__, definitions)
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin is typing.Union or origin is types.UnionType:
        return {"anyOf": [_of(one, definitions) for one in arguments]}
    if origin is typing.Annotated and any(map(_is_constraint, kind.__metadata__)):
        adapter = sys.modules["pydantic"].TypeAdapter(kind)
        return _of_pydantic(arguments[0], definitions, adapter.json_schema)
    if origin is typing.Annotated or getattr(origin, "_name", None) in _TYPED_DICT_MARKS:
        return _of(arguments[0], definitions)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return {"type": "array", "items": _of(arguments[0], definitions)}
        return {
            "type": "array",
            "prefixItems": [_of(one, definitions) for one in arguments],
            "items": False,
            "minItems": len(arguments),
        }
    if origin in (list, collections.abc.Sequence, collections.abc.Iterable):
        return {"type": "array", "items": _of(arguments[0], definitions)}
    if origin in (set, frozenset):
        return {"type": "array", "items": _of(arguments[0], definitions), "uniqueItems": True}
    if origin in (dict, collections.abc.Mapping) and arguments[0] is str:
        return {"type": "object", "additionalProperties": _of(arguments[1], definitions)}
    raise Unsupported(f"{kind!r} has no JSON Schema here; write the schema itself")
