"""The YAML that people write here: plain data, no more. Reads wistro.yml and the lock, writes the lock.

Refused with their line: anchors, aliases, tags, several documents, duplicate keys, keys that are no
text, depth over 32, files over a limit. Scalars follow YAML 1.2's core schema, so `on` is text.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from wistro.errors import UserError

MAX_DEPTH = 32
HOW_IT_IS_WRITTEN = (
    "Look at the indentation here and just above: keys of one mapping begin in one column, and a tab "
    "cannot indent. A text with `: ` or ` #` in it, or one that starts with a sign, wants quotes."
)
Path = tuple[str | int, ...]


class UnreadableYaml(UserError):
    """A file that is not YAML, or uses more of YAML than plain data."""

    code = "yaml.unreadable"
    hint = (
        "Plain mappings, lists and scalars only: no anchors, aliases, tags or keys written twice."
    )


@dataclass(frozen=True)
class Document:
    """What the file says, and the line (from 1) of each path in it when lines were asked for."""

    value: Any
    lines: dict[Path, int] = field(default_factory=dict)


_CParser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INTEGER = re.compile(r"[-+]?[0-9]{1,400}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}


def read(data: bytes, *, name: str, max_bytes: int, with_lines: bool = False) -> Document:
    """Plain data from YAML (or JSON, which is YAML); raises UnreadableYaml with `name:line`."""
    if len(data) > max_bytes:
        raise UnreadableYaml(
            f"{name} is {len(data):,} bytes; {max_bytes:,} are allowed", hint="", where=name
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableYaml(f"{name} is not UTF-8", hint="", where=f"{name}:{line}") from error
    loader = _CParser(text)
    try:
        return _Reader(loader, name, with_lines).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        what = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
        raise UnreadableYaml(
            f"{name} is not YAML: {what}", hint=HOW_IT_IS_WRITTEN, where=where
        ) from error
    finally:
        loader.dispose()


class _Reader:
    def __init__(self, loader: Any, name: str, with_lines: bool) -> None:
        self._next = loader.get_event
        self._name = name
        self._lines: dict[Path, int] = {}
        self._with_lines = with_lines

    def document(self) -> Document:
        self._next()  # the stream's start
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            return Document(None)
        value = self._value(self._next(), (), 1)
        self._next()  # the document's end
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            raise self._refusal("holds a second document", event)
        return Document(value, self._lines)

    def _value(self, event: Any, path: Path, depth: int) -> Any:
        kind = type(event)
        if kind is yaml.AliasEvent:
            raise self._refusal(f"uses the alias `*{event.anchor}`", event)
        if event.anchor is not None:
            raise self._refusal(f"uses the anchor `&{event.anchor}`", event)
        if event.tag is not None:
            raise self._refusal(f"uses the tag `{event.tag}`", event)
        if self._with_lines and path not in self._lines:
            self._lines[path] = event.start_mark.line + 1
        if kind is yaml.ScalarEvent:
            return event.value if event.style else self._scalar(event)
        if depth > MAX_DEPTH:
            raise self._refusal(f"is nested deeper than {MAX_DEPTH}", event)
        if kind is yaml.MappingStartEvent:
            return self._mapping(path, depth)
        return self._sequence(path, depth)

    def _mapping(self, path: Path, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        get, lines = self._next, self._with_lines
        while type(event := get()) is not yaml.MappingEndEvent:
            if type(event) is not yaml.ScalarEvent or event.anchor or event.tag:
                raise self._refusal("has a key that is not plain text", event)
            key = event.value
            if key in found:
                raise self._refusal(f"says `{key}` twice", event)
            below = (*path, key) if lines else path
            if lines:
                self._lines[below] = event.start_mark.line + 1
            found[key] = self._value(get(), below, depth + 1)
        return found

    def _sequence(self, path: Path, depth: int) -> list[Any]:
        found: list[Any] = []
        get, lines = self._next, self._with_lines
        while type(event := get()) is not yaml.SequenceEndEvent:
            below = (*path, len(found)) if lines else path
            found.append(self._value(event, below, depth + 1))
        return found

    def _scalar(self, event: Any) -> Any:
        text = event.value
        if text in _WORDS:
            return _WORDS[text]
        if text[0] not in "+-.0123456789":
            return text
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            value = float(text)
            if not math.isfinite(value):
                raise self._refusal(f"has the number {text}, which is too large", event)
            return value
        return text

    def _refusal(self, what: str, event: Any) -> UnreadableYaml:
        return UnreadableYaml(
            f"{self._name} {what}", where=f"{self._name}:{event.start_mark.line + 1}"
        )


# A plain scalar that every YAML reader, 1.1 or 1.2, takes for the same text.
_PLAIN = re.compile(
    r"[A-Za-z_/$](?:[A-Za-z0-9_./+@#:-]*[A-Za-z0-9_./+@#-])?(?: (?![#-])[A-Za-z0-9_./+@(),-]+)*"
)
_RESERVED = re.compile(r"(?i:null|true|false|yes|no|on|off|y|n)")
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def write(value: dict[str, Any]) -> str:
    """Block-style YAML with LF, in the order of the given maps; the same value gives the same text."""
    lines: list[str] = []
    _write_map(value, "", lines, "")
    return "\n".join(lines) + "\n"


def _write_map(value: dict[str, Any], pad: str, lines: list[str], first: str) -> None:
    lead = pad + first if first else pad
    inner = pad + "  " if first else pad
    for key, below in value.items():
        name = scalar(key)
        # libyaml allows a simple key 1,024 bytes; a longer one is written with `?`.
        head = f"{lead}{name}:" if len(name) < 250 else f"{lead}? {name}\n{inner}:"
        lead = inner
        if isinstance(below, dict) and below:
            lines.append(head)
            _write_map(below, inner + "  ", lines, "")
        elif isinstance(below, list) and below:
            lines.append(head)
            _write_list(below, inner + "  ", lines)
        else:
            lines.append(f"{head} {scalar(below)}")


def _write_list(value: list[Any], pad: str, lines: list[str]) -> None:
    for below in value:
        if isinstance(below, dict) and below:
            _write_map(below, pad, lines, "- ")
        elif isinstance(below, list) and below:
            lines.append(f"{pad}-")
            _write_list(below, pad + "  ", lines)
        else:
            lines.append(f"{pad}- {scalar(below)}")


def scalar(value: Any) -> str:
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and not _RESERVED.fullmatch(value):
            return value
        quoted = json.dumps(value, ensure_ascii=False)
        return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
    if isinstance(value, float):
        return _number(value)
    return json.dumps(value)


def _number(value: float) -> str:
    text = json.dumps(value, allow_nan=False)
    mantissa, e, exponent = text.partition("e")
    # YAML 1.1 wants a dot in a float and a sign in its exponent: `1e-07` would be text there.
    return text if not e else f"{mantissa}{'' if '.' in mantissa else '.0'}e{int(exponent):+03d}"
