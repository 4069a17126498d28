"""JSON that a command is given on its line, in a file or on stdin; and JSON on the terminal."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from wistro.cli import say
from wistro.errors import UserError

MOST_BYTES = 10 * 1024 * 1024


class NoJson(UserError):
    """What a command was given as JSON is none."""

    code = "cli.json"
    hint = """Quote it for the shell: '{"sku": "tea"}', a text as '"tea"'; `-` reads stdin, `@file` a file."""


def read_json(given: str, *, what: str) -> Any:
    """`given` itself, `-` for stdin, or `@path`. Raises NoJson."""
    text = _text(given, what)
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise NoJson(f"{what} is no JSON: {error}") from error


def shown(value: Any) -> str:
    """One line of JSON."""
    return say.plain(json.dumps(value, ensure_ascii=False))


def _text(given: str, what: str) -> str:
    if given == "-":
        data = sys.stdin.buffer.read(MOST_BYTES + 1)
    elif given.startswith("@"):
        try:
            with Path(given[1:]).open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise NoJson(f"{given[1:]} cannot be read: {error.strerror}") from error
    else:
        return given
    if len(data) > MOST_BYTES:
        raise NoJson(f"{what} has more than {MOST_BYTES} bytes", hint="")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise NoJson(f"{what} is no UTF-8") from error


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
