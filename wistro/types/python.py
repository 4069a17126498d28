"""The module `wistro_types`: a TypedDict a message, a class a step whose `emit` is overloaded on the topic.

Read by type checkers alone, so it may use what the project's Python does not have yet.
"""

from __future__ import annotations

import keyword
import unicodedata

from wistro.types.names import Names, type_name
from wistro.types.shapes import (
    NEVER,
    Alias,
    ListOf,
    MapOf,
    Named,
    ObjectShape,
    OneOf,
    Plain,
    Shape,
    TupleOf,
    Values,
    union,
)
from wistro.types.surface import StepTypes, Surface

_HEAD = '''\
"""Types of this project's steps, written by `wistro lock` and `wistro dev`; not to be edited.

For type checkers alone: `if TYPE_CHECKING: from wistro_types import …`.
"""

from __future__ import annotations

import typing_extensions as _t
import wistro_sdk as _sdk
from wistro_sdk import Request as Request, Response as Response
'''
_PLAIN = {
    "any": "_t.Any",
    "never": "_t.Never",
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
}


def render(surface: Surface) -> str:
    names = Names({*surface.named, *(one.type for one in surface.steps)})
    parts = [_HEAD]
    parts += [_named(one) for one in surface.named.values()]
    parts.append(_typed_dict("Env", [(name, "str", True, []) for name in surface.env], NEVER, []))
    for step in surface.steps:
        if step.language == "python":
            parts += _step(step, names)
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def text(shape: Shape) -> str:
    """A type as an annotation says it."""
    match shape:
        case Plain(kind):
            return _PLAIN[kind]
        case Values(values):
            return "None" if values == (None,) else f"_t.Literal[{', '.join(map(repr, values))}]"
        case ListOf(item):
            return f"list[{text(item)}]"
        case TupleOf(items, rest, _):
            # JSON has lists alone, and a list of Python has one kind of item.
            return f"list[{text(union([*items, *([rest] if rest else [])]))}]"
        case MapOf(value):
            return f"dict[str, {text(value)}]"
        case OneOf(options):
            return " | ".join(map(text, options))
        case Named(name):
            return name


def _named(one: ObjectShape | Alias) -> str:
    if isinstance(one, Alias):
        return _alias(one.name, text(one.shape)) + _doc(one.notes, "")
    fields = [
        (field.name, text(field.shape), field.is_required, field.notes) for field in one.fields
    ]
    return _typed_dict(one.name, fields, one.extra, one.notes)


def _alias(name: str, meaning: str) -> str:
    return f"{name}: _t.TypeAlias = {meaning!r}\n"


_Row = tuple[str, str, bool, list[str]]  # key, type, is required, notes


def _typed_dict(name: str, fields: list[_Row], extra: Shape | None, notes: list[str]) -> str:
    told = (
        ""
        if extra is None
        else ", closed=True"
        if extra == NEVER
        else f", extra_items={text(extra)!r}"
    )
    if any(not key for key, *_ in fields):  # a TypedDict has no empty key
        fields = [one for one in fields if one[0]]
        told = ", extra_items='_t.Any'"
    if not all(_can_be_attribute(key) for key, *_ in fields):
        rows = "".join(
            f"    {key!r}: {_entry(kind, is_required)!r},{_aside(said)}\n"
            for key, kind, is_required, said in fields
        )
        return f"{name} = _t.TypedDict({name!r}, {{\n{rows}}}{told})\n" + _doc(notes, "")
    body = _doc(notes, "    ")
    for key, kind, is_required, said in fields:
        body += f"    {key}: {_entry(kind, is_required)}\n" + _doc(said, "    ")
    return f"class {name}(_t.TypedDict{told}):\n{body or '    pass'}"


def _entry(kind: str, is_required: bool) -> str:
    return kind if is_required else f"_t.NotRequired[{kind}]"


def _can_be_attribute(key: str) -> bool:
    return (
        key.isidentifier()
        and not keyword.iskeyword(key)
        and not key.startswith("__")
        and unicodedata.normalize("NFKC", key) == key
    )


def _doc(notes: list[str], indent: str) -> str:
    if not notes:
        return ""
    said = "\n".join(notes).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    lines = [line.rstrip() for line in _plain(said).splitlines()]
    if len(lines) == 1 and not lines[0].endswith('"'):
        return f'{indent}"""{lines[0]}"""\n'
    return "".join(
        f"{indent}{line}\n" if line else "\n" for line in [f'"""{lines[0]}', *lines[1:], '"""']
    )


def _aside(notes: list[str]) -> str:
    return f"  # {' · '.join(' '.join(_plain(one).split()) for one in notes)}" if notes else ""


def _plain(said: str) -> str:
    """Text of others: no control character may end a comment or a docstring's line."""
    return "".join(one if one == "\n" or one.isprintable() else " " for one in said)


def _step(step: StepTypes, names: Names) -> list[str]:
    parts = [*_endpoint(step, names)] if step.kind == "api" else []
    if step.kind == "event":
        parts.append(_alias(step.message_type, text(step.message)))
    events: list[str] = []
    for topic, shape in step.emits.items():
        events.append(names.take(f"{step.type}Emits{type_name(topic, otherwise='Topic')}"))
        parts.append(
            f"class {events[-1]}(_sdk.EmitOptions):\n"
            f"    topic: _t.Literal[{topic!r}]\n    data: {text(shape)}\n"
        )
    return [*parts, _context(step, events)]


def _context(step: StepTypes, events: list[str]) -> str:
    body = _doc(
        [step.label if step.description is None else f"{step.label}: {step.description}"], "    "
    )
    emit = "    def emit(self, event: {}) -> _t.Awaitable[None]: ...\n"
    if not events:
        body += emit.format("_t.Never")
    for event in events:
        body += ("    @_t.overload\n" if len(events) > 1 else "") + emit.format(event)
    body += _property("env", "Env")
    topics = text(Values(tuple(step.topics))) if step.topics else "None"
    body += _property("topic", topics)
    return f"class {step.type}(_sdk.StepContext, _t.Protocol):\n{body}"


def _endpoint(step: StepTypes, names: Names) -> list[str]:
    parameters = names.take(f"{step.type}PathParams")
    body = text(step.body)
    typed = {"body": body, "path_params": parameters}
    if step.query:
        typed["query_params"] = names.take(f"{step.type}QueryParams")
    given = "".join(_property(key, kind) for key, kind in typed.items())
    for key, kind in [
        *((f"_t.Literal[{key!r}]", kind) for key, kind in typed.items()),
        ("str", "_t.Any"),
    ]:
        given += f"    @_t.overload\n    def __getitem__(self, name: {key}) -> {kind}: ...\n"
    queried = [
        (key, "list[str]", False, [said] if said else []) for key, said in step.query.items()
    ]
    parts = [
        *(
            [_typed_dict(typed["query_params"], queried, ListOf(Plain("string")), [])]
            if step.query
            else []
        ),
        _typed_dict(parameters, [(one, "str", True, []) for one in step.parameters], NEVER, []),
        f"class {step.request_type}(_sdk.Request, _t.Protocol):\n"
        + _doc([f"A call of {step.label}; the values are those of the wire."], "    ")
        + given,
    ]
    answers: list[str] = []
    for status, shape in step.responses.items():
        answers.append(names.take(f"{step.type}Response{status}"))
        fields: list[_Row] = [
            ("status", f"_t.Literal[{status}]", status != 200, []),
            ("body", text(shape), True, []),
            ("headers", "_t.Mapping[str, str]", False, []),
        ]
        parts.append(_typed_dict(answers[-1], fields, None, []))
    return [
        *parts,
        _alias(step.response_type, " | ".join([*(answers or ["Response"]), "_sdk.Streamed"])),
    ]


def _property(name: str, kind: str) -> str:
    return f"    @property\n    def {name}(self) -> {kind}: ...\n"


__all__ = ["render", "text"]
