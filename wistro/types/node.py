"""What `@wistro/sdk` means in a project: the SDK's types, and `Handlers`, `Topics` and their like by this project's names."""

from __future__ import annotations

import json
import re

from wistro.types.shapes import (
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
)
from wistro.types.surface import StepTypes, Surface

SDK = "../../sdk/node/index.js"
# Loaded where a test runner follows tsconfig's paths.
MODULE = f"export * from '{SDK}';\n"
_HEAD = f"""\
// Types of this project's steps, written by `wistro lock` and `wistro dev`; not to be edited.
import type * as sdk from '{SDK}';
export * from '{SDK}';
"""
_PLAIN = {
    "any": "any",
    "never": "never",
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
}
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)


def render(surface: Surface) -> str:
    steps = [one for one in surface.steps if one.language == "node"]
    parts = [_HEAD, *(_named(one) for one in surface.named.values())]
    parts.append(
        _interface(
            "Topics", [(key, text(shape), True, []) for key, shape in surface.topics.items()]
        )
    )
    parts.append(_interface("Env", [(name, "string", True, []) for name in surface.env]))
    parts.append(_interface("Contexts", [(one.label, _context(one), True, []) for one in steps]))
    messages = [(one.label, text(one.message), True, []) for one in steps if one.kind == "event"]
    parts.append(_interface("Messages", messages))
    requests = [(one.label, _request(one), True, []) for one in steps if one.kind == "api"]
    parts.append(_interface("Requests", requests))
    handlers = [
        (one.label, _handler(one), True, [one.description] if one.description else [])
        for one in steps
    ]
    parts.append(_interface("Handlers", handlers))
    return "\n".join(parts)


def text(shape: Shape) -> str:
    match shape:
        case Plain(kind):
            return _PLAIN[kind]
        case Values(values):
            return " | ".join(_literal(one) for one in values)
        case ListOf(item):
            return f"{_closed(item)}[]"
        case TupleOf(items, rest, least):
            parts = [
                text(one) if index < least else f"{_closed(one)}?"
                for index, one in enumerate(items)
            ]
            return f"[{', '.join([*parts, *([f'...{_closed(rest)}[]'] if rest else [])])}]"
        case MapOf(value):
            return f"{{ [key: string]: {text(value)} }}"
        case OneOf(options):
            return " | ".join(map(text, options))
        case Named(name):
            return name


def _closed(shape: Shape) -> str:
    is_union = isinstance(shape, OneOf) or (isinstance(shape, Values) and len(shape.values) > 1)
    return f"({text(shape)})" if is_union else text(shape)


def _literal(value: str | int | bool | None) -> str:
    return json.dumps(value, ensure_ascii=False)


def _named(one: ObjectShape | Alias) -> str:
    if isinstance(one, Alias):
        return f"{_doc(one.notes, '')}export type {one.name} = {text(one.shape)}\n"
    fields = [
        (field.name, text(field.shape), field.is_required, field.notes) for field in one.fields
    ]
    extra = ""
    if one.extra is not None and one.extra != Plain("never"):
        # An index signature holds for the named keys too; only `unknown` holds for all.
        extra = f"  [key: string]: {text(one.extra) if not fields else 'unknown'}\n"
    return _doc(one.notes, "") + _interface(one.name, fields, extra)


_Row = tuple[str, str, bool, list[str]]  # key, type, is required, notes


def _interface(name: str, fields: list[_Row], more: str = "") -> str:
    rows = "".join(
        f"{_doc(notes, '  ')}  {_key(key)}{'' if is_required else '?'}: {kind}\n"
        for key, kind, is_required, notes in fields
    )
    return f"export interface {name} {{\n{rows}{more}}}\n"


def _key(key: str) -> str:
    return key if _IDENTIFIER.fullmatch(key) else _literal(key)


def _doc(notes: list[str], indent: str) -> str:
    if not notes:
        return ""
    said = "\n".join(notes).replace("*/", "*\u200b/")
    lines = "".join(one if one == "\n" or one.isprintable() else " " for one in said).split("\n")
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    return "".join(f"{indent}{line}\n" for line in ["/**", *(f" * {one}" for one in lines), " */"])


def _context(step: StepTypes) -> str:
    emits = ", ".join(f"{_literal(topic)}: {text(shape)}" for topic, shape in step.emits.items())
    topics = text(Values(tuple(step.topics))) if step.topics else "null"
    return (
        f"sdk.StepContext<{{ {emits} }}, {topics}, Env>"
        if emits
        else f"sdk.StepContext<{{}}, {topics}, Env>"
    )


def _request(step: StepTypes) -> str:
    given = [
        text(step.body),
        f"{{ {'; '.join(f'readonly {one}: string' for one in step.parameters)} }}",
    ]
    if step.query:
        rows = [f"readonly {_key(one)}?: string[]" for one in step.query]
        given.append(f"{{ {'; '.join(rows)}; readonly [name: string]: string[] | undefined }}")
    return f"sdk.ApiRequest<{', '.join(given)}>"


def _handler(step: StepTypes) -> str:
    context = f"Contexts[{_literal(step.label)}]"
    if step.kind == "cron":
        return f"sdk.CronHandler<{context}>"
    if step.kind == "event":
        return f"sdk.EventHandler<{text(step.message)}, {context}>"
    answers = " | ".join(
        f"sdk.Answer<{status}, {text(shape)}>" for status, shape in step.responses.items()
    )
    return f"sdk.EndpointHandler<Requests[{_literal(step.label)}], {context}, {answers or 'sdk.ApiResponse | void'} | sdk.Streaming>"
