"""Secret values taken out of what is written down: plain, base64, URL- and JSON-escaped, and split over chunks.

A value of fewer than 6 bytes is not looked for: it would be found in half of all texts and hide nothing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

import msgspec

MARK = "[redacted]"
SHORTEST = 6
SHORTEST_LINE = 16  # of a secret of several lines, such as a PEM key, each line is one too
CUT = " … (cut)"  # ends a line that was longer than a line may be

# What stands beside the content of a record: a secret that looks like one of these must not break the record.
ENVELOPE = frozenset(
    {
        *("kind", "seq", "at_us", "run_id", "deployment_id", "generation", "attempt_id"),
        *("delivery_id", "parent_attempt_id", "number", "ordinal", "queued_at_us", "started_at_us"),
        *("ended_at_us", "now_us", "outcome", "status", "trigger", "source", "level"),
    }
)


class Redactor:
    """Knows the secrets of all deployments of an engine. Finding nothing, the usual case, costs a search of the bytes."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._forms: list[str] = []
        self._needles: list[bytes] = []
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        for secret in secrets:
            lines = [
                line.strip() for line in secret.splitlines() if len(line.strip()) >= SHORTEST_LINE
            ]
            self._secrets.update(
                one for one in (secret, secret.strip(), *lines) if len(one.encode()) >= SHORTEST
            )
        forms = {form for secret in self._secrets for form in _forms(secret)}
        # Longest first: a form that holds another must go as a whole.
        self._forms = sorted(forms, key=lambda form: (-len(form), form))
        self._needles = [msgspec.json.encode(form)[1:-1] for form in self._forms]

    def text(self, text: str) -> str:
        for form in self._forms:
            if form in text:
                text = text.replace(form, MARK)
        return self._cut_end(text) if text.endswith(CUT) else text

    def lines(self, lines: bytes) -> bytes:
        """Records, one JSON object a line, with every secret in their content marked."""
        if not any(needle in lines for needle in self._needles) and CUT.encode() not in lines:
            return lines
        return b"".join(self._line(line) + b"\n" for line in lines.splitlines())

    def chunks(self) -> ChunkRedactor:
        """For a text that comes in pieces."""
        return ChunkRedactor(self)

    @property
    def longest(self) -> int:
        return len(self._forms[0]) if self._forms else 0

    def _line(self, line: bytes) -> bytes:
        if not any(needle in line for needle in self._needles) and CUT.encode() not in line:
            return line
        record = msgspec.json.decode(line)
        kept = {
            key: value if key in ENVELOPE else self._value(value) for key, value in record.items()
        }
        return msgspec.json.encode(kept)

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self._value(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._value(one) for one in value]
        if isinstance(value, bool) or value is None:
            return value
        return MARK if any(form in str(value) for form in self._forms) else value

    def _cut_end(self, text: str) -> str:
        """A secret that a cut went through: what is left of its beginning goes too."""
        kept = text.removesuffix(CUT)
        for form in self._forms:
            for length in range(min(len(form) - 1, len(kept)), 3, -1):
                if kept.endswith(form[:length]):
                    return kept[:-length] + MARK + CUT
        return text


class ChunkRedactor:
    """Holds back the end of each piece that may be the beginning of a secret."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = ""

    def feed(self, chunk: str) -> str:
        text = self._redactor.text(self._held + chunk)
        held = self._could_begin(text)
        self._held = text[len(text) - held :]
        return text[: len(text) - held]

    def finish(self) -> str:
        held, self._held = self._held, ""
        return held

    def _could_begin(self, text: str) -> int:
        """The length of the longest end of `text` with which a form begins."""
        for length in range(min(self._redactor.longest - 1, len(text)), 0, -1):
            end = text[len(text) - length :]
            if any(form.startswith(end) for form in self._redactor._forms):
                return length
        return 0


def _forms(secret: str) -> set[str]:
    raw = secret.encode("utf-8", "surrogatepass")
    plain = json.dumps(secret, ensure_ascii=False)[1:-1]
    escaped = json.dumps(secret)[1:-1]
    forms = {secret, plain, escaped, plain.replace("/", "\\/"), escaped.replace("/", "\\/")}
    for quoted in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
        forms |= {quoted, _lower_escapes(quoted)}
    return forms | _base64_forms(raw)


def _lower_escapes(quoted: str) -> str:
    parts = quoted.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])


def _base64_forms(raw: bytes) -> set[str]:
    """As a whole, and as it appears inside a longer text at each of the three alignments: the letters that depend on
    the secret alone."""
    forms: set[str] = set()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        forms |= {encode(raw).decode(), encode(raw).decode().rstrip("=")}
        for shift in range(3):
            inner = encode(b"\0" * shift + raw).decode().rstrip("=")
            first = (shift * 8 + 5) // 6
            last = (shift + len(raw)) * 8 // 6
            if last - first >= SHORTEST + 2:
                forms.add(inner[first:last])
    return forms
