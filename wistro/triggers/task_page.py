"""A task as a page: what is asked, a form for each answer, and how it ended. Plain HTML, no script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from typing import Any

import msgspec

from wistro.protocol.operating import TaskView
from wistro.triggers.forms import Field, fields_of, shown

CSS = """
:root { color-scheme: light dark; --line: light-dark(#c9ced6, #444b57); --quiet: light-dark(#5a6270, #a4adba);
  --bad: light-dark(#a4161a, #ff8f8f); --accent: light-dark(#1d4ed8, #8ab4ff); --on-accent: light-dark(#fff, #0b1220); }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { line-height: 1.2; margin: 0 0 .5rem; overflow-wrap: anywhere; }
.quiet { color: var(--quiet); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; border: 1px solid var(--line);
  border-radius: 8px; padding: 1rem; margin: 1.5rem 0; }
dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; white-space: pre-wrap; }
form { border: 1px solid var(--line); border-radius: 8px; padding: 1rem; margin: 1rem 0; }
h2 { margin: 0 0 .5rem; font-size: 1.125rem; }
label { display: block; font-weight: 600; margin-top: 1rem; }
.flag { display: flex; gap: .5rem; align-items: center; } .flag input { width: 1.25rem; height: 1.25rem; }
input:not([type=checkbox]), textarea, select { display: block; width: 100%; font: inherit; padding: .5rem;
  border: 1px solid var(--line); border-radius: 6px; background: Field; color: FieldText; }
[aria-invalid=true] { border-color: var(--bad); border-width: 2px; }
.wrong { color: var(--bad); margin: .25rem 0 0; } .help { color: var(--quiet); margin: .25rem 0 0; font-size: .875rem; }
button { font: inherit; font-weight: 600; margin-top: 1.25rem; padding: .625rem 1.25rem; border: 0; border-radius: 6px;
  background: var(--accent); color: var(--on-accent); cursor: pointer; min-height: 44px; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.alert { border: 2px solid var(--bad); border-radius: 8px; padding: 1rem; margin: 1.5rem 0; }
"""
_DIGEST = base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()
HEADERS = [
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "no-store"),
    (
        "content-security-policy",
        f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-robots-tag", "noindex"),
]
MESSAGE_ROWS = 40


def task_page(
    task: TaskView,
    *,
    answer: str | None = None,
    given: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
) -> bytes:
    """`answer` is the one whose form was sent with `given`, and what is `wrong` with it by JSON pointer."""
    parts = [f"<h1>{_text(task.name)}</h1>"]
    if task.description:
        parts.append(f"<p>{_text(task.description)}</p>")
    parts.append(f'<p class="quiet">{_text(_whose(task))}</p>')
    parts.append(_message(task.message))
    if task.state != "open":
        parts.append(f'<p role="status"><strong>{_text(_how_it_ended(task))}</strong></p>')
    else:
        for name, asked in task.answers.items():
            mine = name == answer
            form = _form(
                name,
                fields_of(asked.form),
                (given or {}) if mine else {},
                (wrong or {}) if mine else {},
            )
            parts.append(form)
    return _document(task.name, "".join(parts))


def error_page(title: str, hint: str) -> bytes:
    return _document(title, f"<h1>{_text(title)}</h1><p>{_text(hint)}</p>")


def _document(title: str, body: str) -> bytes:
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{_text(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{CSS}</style></head>'
        f"<body><main>{body}</main></body></html>"
    )
    return page.encode("utf-8", "replace")


def _whose(task: TaskView) -> str:
    said = f"For {task.assignee}. " if task.assignee else ""
    said += f"Asked {_minute(task.opened_at)}."
    return (
        said
        if task.expires_at is None or task.state != "open"
        else f"{said} Open until {_minute(task.expires_at)}."
    )


def _how_it_ended(task: TaskView) -> str:
    ended = task.ended
    at = _minute(ended.at) if ended else ""
    if task.state == "answered" and ended:
        return (
            f"Answered: {_words(ended.answer or '')}{f' by {ended.by}' if ended.by else ''}, {at}."
        )
    if task.state == "timed-out":
        return f"Its time was over {at}."
    return f"Cancelled {at}: it needs no answer."


def _message(message: Any) -> str:
    if not isinstance(message, dict):
        message = {"Message": message}
    rows = list(message.items())[:MESSAGE_ROWS]
    listed = "".join(
        f"<dt>{_text(_words(name))}</dt><dd>{_text(_value(one))}</dd>" for name, one in rows
    )
    return f"<dl>{listed}</dl>" if rows else ""


def _form(
    answer: str, fields: list[Field], given: Mapping[str, str], wrong: Mapping[str, str]
) -> str:
    inputs = "".join(_input(one, answer, given, wrong.get(one.pointer)) for one in fields)
    by = (
        f'<label for="{answer}-by">Your name</label>'
        f'<input id="{answer}-by" name="by" autocomplete="name" maxlength="200" value="{_text(given.get("by", ""))}">'
    )
    return (
        f'<form method="post" aria-labelledby="{answer}-title"><h2 id="{answer}-title">{_text(_words(answer))}</h2>'
        f'{_alert(fields, answer, wrong)}<input type="hidden" name="answer" value="{answer}">'
        f"{inputs}{by}<button>{_text(_words(answer))}</button></form>"
    )


def _alert(fields: list[Field], answer: str, wrong: Mapping[str, str]) -> str:
    if not wrong:
        return ""
    by_pointer = {one.pointer: one for one in fields}
    said = "".join(
        f'<li><a href="#{_id(answer, by_pointer[pointer])}">{_text(by_pointer[pointer].label)}</a>: {_text(what)}</li>'
        if pointer in by_pointer
        else f"<li>{_text(pointer)} {_text(what)}</li>"
        for pointer, what in wrong.items()
    )
    return f'<div class="alert" role="alert"><p>This was not taken:</p><ul>{said}</ul></div>'


def _input(field: Field, answer: str, given: Mapping[str, str], wrong: str | None) -> str:
    id = _id(answer, field)
    notes = {f"{id}-help": ("help", field.help), f"{id}-wrong": ("wrong", wrong)}
    told = {key: (kind, text) for key, (kind, text) in notes.items() if text}
    attributes = f'id="{id}" name="{_text(field.name)}"'
    if told:
        attributes += f' aria-describedby="{" ".join(told)}"'
    if wrong:
        attributes += ' aria-invalid="true"'
    if field.is_required and field.kind != "flag":
        attributes += " required"
    below = "".join(
        f'<p id="{key}" class="{kind}">{_text(text or "")}</p>'
        for key, (kind, text) in told.items()
    )
    value = given.get(field.name, "" if given else field.default)
    label = (
        f"{_text(field.label)}{'' if field.is_required or field.kind == 'flag' else ' (optional)'}"
    )
    if field.kind == "flag":
        checked = " checked" if value not in ("", "false") else ""
        return f'<label class="flag"><input type="checkbox" value="true" {attributes}{checked}> {label}</label>{below}'
    return f'<label for="{id}">{label}</label>{_control(field, attributes, value)}{below}'


def _control(field: Field, attributes: str, value: str) -> str:
    if field.kind == "choice":
        options = (
            "" if field.is_required and len(field.choices) == 1 else '<option value=""></option>'
        )
        for one in field.choices:
            selected = " selected" if shown(one) == value else ""
            options += f'<option value="{_text(shown(one))}"{selected}>{_text(shown(one))}</option>'
        return f"<select {attributes}>{options}</select>"
    if field.kind in ("long", "json"):
        hint = ' spellcheck="false" placeholder="JSON"' if field.kind == "json" else ""
        return f'<textarea rows="3" {attributes}{hint}>\n{_text(value)}</textarea>'
    return f'<input {_type(field)} {attributes}{_bounds(field)} value="{_text(value)}">'


def _type(field: Field) -> str:
    if field.kind == "integer":
        return 'type="number" inputmode="numeric" step="1"'
    if field.kind == "number":
        return 'type="number" inputmode="decimal" step="any"'
    return f'type="{field.input_type}"'


def _bounds(field: Field) -> str:
    names = {"minimum": "min", "maximum": "max", "minLength": "minlength", "maxLength": "maxlength"}
    found = {names[key]: value for key, value in field.schema.items() if key in names}
    return "".join(f' {name}="{_text(str(value))}"' for name, value in found.items())


def _id(answer: str, field: Field) -> str:
    return f"{answer}-{hashlib.sha256(field.pointer.encode('utf-8', 'replace')).hexdigest()[:8]}"


def _words(name: str) -> str:
    words = str(name).replace("_", " ").replace("-", " ")
    return words[:1].upper() + words[1:]


def _value(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _minute(rfc3339: str) -> str:
    """`2026-11-24 10:30 UTC`"""
    return f"{rfc3339[:16].replace('T', ' ')} UTC"


def _text(text: str) -> str:
    return escape(str(text), quote=True)
