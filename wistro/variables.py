"""The values of the variables that a project's lock names, on this machine: the process's own, then `.env`'s, then defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wistro.auth.policy import variables
from wistro.errors import UserError
from wistro.lock.model import Lock

FILE = ".env"
_NAME = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


class UnreadableEnvFile(UserError):
    """A line of `.env` that is no NAME=value."""

    code = "env.unreadable"
    hint = (
        "Write NAME=value, one a line; quote a value that has spaces at its ends, # or line breaks."
    )


class MissingVariables(UserError):
    """Variables that the project needs and nobody gives a value."""

    code = "env.missing"
    hint = f"Set them in the environment, or write NAME=value lines into {FILE}."


@dataclass(frozen=True)
class Values:
    """`found` by name; `missing` are names without a value or default."""

    found: dict[str, str]
    missing: list[str]


def values_for(lock: Lock, root: Path, environ: Mapping[str, str]) -> Values:
    """What the lock declares in `env`, names in `auth` and in `state`, and nothing else. Raises UnreadableEnvFile."""
    given = {**read_env_file(root / FILE), **environ}
    defaults = {one.name: one.default for one in lock.env if one.default is not None}
    found = {
        name: value
        for name in needed(lock)
        if (value := given.get(name, defaults.get(name))) is not None
    }
    return Values(found, [name for name in needed(lock) if name not in found])


def needed(lock: Lock) -> list[str]:
    in_auth = {name for trigger in lock.triggers.api for name in variables(trigger.auth)}
    return sorted({one.name for one in lock.env} | in_auth | in_state(lock))


def in_state(lock: Lock) -> set[str]:
    """The variable that holds the address of where state is kept."""
    url = lock.state.url if lock.state else None
    return {url[1:]} if url and url.startswith("$") else set()


def wanted(lock: Lock) -> list[str]:
    """The needed ones that have no default: somebody must give them a value."""
    with_default = {one.name for one in lock.env if one.default is not None}
    return [name for name in needed(lock) if name not in with_default]


def read_env_file(path: Path) -> dict[str, str]:
    """`.env` as a map; empty where there is none."""
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableEnvFile(f"{path.name} cannot be read: {error}", where=path.name) from error
    return parse(text, name=path.name)


def parse(text: str, *, name: str = FILE) -> dict[str, str]:
    """NAME=value lines. '…' is literal, "…" knows \\n \\r \\t \\\" \\\\; both may hold line breaks; ` #` begins a comment."""
    found: dict[str, str] = {}
    at = 0
    text = text.replace("\r\n", "\n")
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        line = text[at:end].strip()
        if not line or line.startswith("#"):
            at = end + 1
            continue
        at += len(text[at:end]) - len(text[at:end].lstrip())
        where = f"{name}:{text.count(chr(10), 0, at) + 1}"
        head = _NAME.match(text, at, end)
        if head is None:
            raise UnreadableEnvFile("a line is no NAME=value", where=where)
        found[head[1]], at = _value(text, head.end(), end, where)
    return found


def _value(text: str, at: int, end: int, where: str) -> tuple[str, int]:
    """The value that begins at `at`, and where the next line begins."""
    quote = text[at : at + 1]
    if quote not in ("'", '"') or at >= end:
        return re.split(r"(?:^|\s)#", text[at:end], maxsplit=1)[0].strip(), end + 1
    value: list[str] = []
    at += 1
    while at < len(text) and text[at] != quote:
        if quote == '"' and text[at] == "\\" and at + 1 < len(text):
            at += 1
            value.append(_ESCAPED.get(text[at], text[at]))
        else:
            value.append(text[at])
        at += 1
    rest, _, _ = text[at + 1 :].partition("\n")
    if at >= len(text) or (rest.strip() and not rest.strip().startswith("#")):
        raise UnreadableEnvFile("a quoted value does not end where its line does", where=where)
    return "".join(value), at + 1 + len(rest) + 1
