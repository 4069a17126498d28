from __future__ import annotations

import asyncio
import io
import json

import msgspec

from tests.factories.attempts import an_attempt
from wistro.dev.console import Console
from wistro.http.message import Request
from wistro.protocol.records import LineRecord, Record
from wistro.store.port import Chunk


def a_chunk(*records: Record) -> list[Chunk]:
    return [
        Chunk(
            "s",
            1,
            len(records),
            b"".join(msgspec.json.encode(one) + b"\n" for one in records),
            durable=True,
        )
    ]


def a_line(message: str, **more) -> LineRecord:
    return LineRecord(1, 1_000_000, "info", message, "local", step="src/a", **more)


async def told(*records: Record, as_json: bool = False) -> str:
    to = io.StringIO()
    Console(as_json=as_json, to=to).take(a_chunk(*records))
    await asyncio.sleep(0)  # it writes in the loop's next turn
    return to.getvalue()


async def test_a_line_has_its_level_step_message_and_fields() -> None:
    text = await told(a_line("order taken", fields={"sku": "tea", "left": 3}))

    assert "info   src/a         order taken  sku=tea  left=3\n" in text
    assert "\x1b" not in text


async def test_a_step_cannot_move_the_cursor_of_the_terminal() -> None:
    text = await told(a_line("\x1b[2J\r\x07ü", fields={"x": "\x1b]0;y"}))

    assert "\x1b" not in text and "\r" not in text and "\x07" not in text
    assert "\\x1b[2J\\r\\x07ü" in text


async def test_a_failure_is_told_with_its_stack() -> None:
    failed = an_attempt(error="KeyError", number=2, outcome="retrying")
    assert failed.error is not None
    failed.error.stack = 'File "src/a.step.py", line 3'

    text = await told(failed)

    assert "warn   src/a         KeyError: KeyError happened  retrying, attempt 2" in text
    assert '      File "src/a.step.py", line 3' in text


async def test_what_went_well_needs_no_line() -> None:
    assert await told(an_attempt()) == ""


async def test_json_is_an_object_a_line() -> None:
    run = "0192e4a0-0000-7000-8000-0000000000a1"

    text = await told(a_line("one\ntwo", run_id=run, fields={"n": 1}), as_json=True)

    found = json.loads(text)
    assert text.count("\n") == 1
    assert (found["message"], found["fields"], found["level"]) == ("one\ntwo", {"n": 1}, "info")
    assert found["run"].startswith("run_")


async def test_a_call_is_told_with_its_status() -> None:
    to = io.StringIO()

    Console(to=to).called(Request("GET", "/a", path="/a", headers=[]), 404, 0.012)

    assert "404    GET /a        12 ms" in to.getvalue()
