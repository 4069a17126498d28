"""What happens, as lines on stderr: for people on a terminal, else (`as_json`) one JSON object a line.

`Says` is how commands speak (wistro/cli/say.py); it is passed in.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol, TextIO

import msgspec

from wistro.errors import UserError
from wistro.http.message import Request
from wistro.protocol.ids import show
from wistro.protocol.records import AttemptRecord, LineRecord, Record
from wistro.protocol.times import rfc3339
from wistro.store.port import Chunk

COLOURS = {"debug": "2", "info": "36", "warn": "33", "error": "31"}
WIDEST_STEP = 36


class Says(Protocol):
    def done(self, what: str, detail: str = "", aside: str = "") -> None: ...

    def talk(self, line: str) -> None: ...

    def error(self, problem: UserError) -> None: ...

    def warning(self, problem: UserError) -> None: ...


class Console:
    """Made in a running loop; `take` may be called from any thread, the lines are written on the loop."""

    def __init__(self, *, as_json: bool = False, to: TextIO | None = None) -> None:
        self._to = to or sys.stderr
        self._as_json = as_json
        self._has_colour = self._to.isatty() and not os.environ.get("NO_COLOR")
        self._loop = asyncio.get_running_loop()
        self._width = 12

    def fit(self, steps: Iterable[str]) -> None:
        """Make the steps' column as wide as these need."""
        self._width = min(WIDEST_STEP, max(map(len, steps), default=12))

    def take(self, chunks: list[Chunk]) -> None:
        """Tell the lines among these records, and the attempts that failed."""
        records = [
            _record.decode(line)
            for chunk in chunks
            for line in chunk.lines.splitlines()
            if _may_be_told(line)
        ]
        told = [text for one in records if (text := self._text(one)) is not None]
        if told:
            self._loop.call_soon_threadsafe(self._write, "".join(f"{one}\n" for one in told))

    def called(self, request: Request, status: int, took_s: float) -> None:
        """A call was answered."""
        tone = "32" if status < 400 else "33" if status < 500 else "31"
        line = f"{request.method} {request.path}"
        self._write(
            f"{self.paint(_clock_of(datetime.now().astimezone()), '2')}  {self.paint(f'{status:<5}', tone)}  "
            f"{line:<{self._width}}  {self.paint(f'{took_s * 1e3:.0f} ms', '2')}\n"
        )

    def refused(self, request: Request, reason: str) -> None:
        """A caller was not let in: the one place where it is said why."""
        call = f"{request.method} {request.path}"
        if self._as_json:
            self.event("refused", level="warn", call=printable(call), reason=printable(reason))
        else:
            at_us = _now_us()
            message = f"refused: {printable(reason)}"
            self._write(self._row(at_us, "warn", printable(call), message, aside="") + "\n")

    def event(self, message: str, **fields: Any) -> None:
        """Something of the server's own, when lines are JSON."""
        at = rfc3339(_now_us())
        self._write(_json({"at": at, "level": "info", "message": message} | fields) + "\n")

    def paint(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self._has_colour else text

    def _text(self, record: Record) -> str | None:
        if isinstance(record, LineRecord):
            return _line_as_json(record) if self._as_json else self._line(record)
        if isinstance(record, AttemptRecord) and record.error is not None:
            return _failure_as_json(record) if self._as_json else self._failure(record)
        return None

    def _line(self, line: LineRecord) -> str:
        fields = "  ".join(f"{name}={_short(value)}" for name, value in line.fields.items())
        message = printable(line.message)
        return self._row(line.at_us, line.level, line.step, message, aside=fields)

    def _failure(self, attempt: AttemptRecord) -> str:
        error = attempt.error
        assert error is not None
        number = f", attempt {attempt.number}" if attempt.number > 1 else ""
        head = self._row(
            attempt.ended_at_us,
            "warn" if attempt.outcome == "retrying" else "error",
            attempt.step,
            printable(f"{error.type}: {error.message}"),
            aside=f"{attempt.outcome}{number}",
        )
        stack = [f"      {self.paint(printable(line), '2')}" for line in error.stack.splitlines()]
        return "\n".join([head, *stack])

    def _row(self, at_us: int, level: str, step: str | None, message: str, *, aside: str) -> str:
        at = datetime.fromtimestamp(at_us / 1e6).astimezone()
        where = f"{step or '-':<{self._width}}"
        end = f"  {self.paint(printable(aside), '2')}" if aside else ""
        return (
            f"{self.paint(_clock_of(at), '2')}  {self.paint(f'{level:<5}', COLOURS.get(level, '0'))}  "
            f"{where}  {message}{end}"
        )

    def _write(self, text: str) -> None:
        self._to.write(text)
        self._to.flush()


def _may_be_told(line: bytes) -> bool:
    """Most records of a busy engine are not: they are not decoded."""
    return line.startswith(b'{"kind":"line"') or b'"error":{' in line


def printable(text: str) -> str:
    """Without what would move the cursor or recolour the terminal: a step's data is not trusted to."""
    return "".join(
        one if one.isprintable() or one in "\n\t" else one.encode("unicode_escape").decode()
        for one in text
    )


def _clock_of(at: datetime) -> str:
    return at.strftime("%H:%M:%S.") + f"{at.microsecond // 1000:03}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else _json(value)
    return text if len(text) <= 200 else text[:200] + "…"


def _line_as_json(line: LineRecord) -> str:
    return _json(
        {
            "at": rfc3339(line.at_us),
            "level": line.level,
            "message": line.message,
            "fields": line.fields,
            "source": line.source,
            **_where(line.step, line.run_id, line.attempt_id),
        }
    )


def _failure_as_json(attempt: AttemptRecord) -> str:
    error = attempt.error
    assert error is not None
    return _json(
        {
            "at": rfc3339(attempt.ended_at_us),
            "level": "warn" if attempt.outcome == "retrying" else "error",
            "message": f"{error.type}: {error.message}",
            "outcome": attempt.outcome,
            "attempt_number": attempt.number,
            "stack": error.stack,
            **_where(attempt.step, attempt.run_id, attempt.attempt_id),
        }
    )


def _where(step: str | None, run_id: str | None, attempt_id: str | None) -> dict[str, str | None]:
    return {
        "step": step,
        "run": show("run", run_id) if run_id else None,
        "attempt": show("attempt", attempt_id) if attempt_id else None,
    }


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _now_us() -> int:
    return int(datetime.now().timestamp() * 1e6)


_record: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)
