"""Bodies of every kind, as their step gets them."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.factories.engine import Running, StepContext, a_call, a_lock, a_step, an_engine
from wistro.engine.limits import Limits
from wistro.protocol import blobs as blob
from wistro.protocol.frames import Request

FILE = {"type": "object", "required": ["file"], "properties": {"file": blob.SCHEMA}}
FORM = ("content-type", 'multipart/form-data; boundary="b b"')


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    async def take(request: Request, ctx: StepContext) -> Any:
        ids = (
            [one["blob"] for one in (request.body or {}).values() if isinstance(one, dict)]
            if isinstance(request.body, dict)
            else []
        )
        files = {id: (await ctx.get_blob(id)).decode("latin-1") for id in ids}
        return {"body": {"body": request.body, "files": files}}

    schemas = {"file": FILE, "blob": dict(blob.SCHEMA), "text": {"type": "string", "maxLength": 3}}
    steps = {"any": a_step("api", method="POST", path="/any")}
    for name in schemas:
        steps[name] = a_step("api", method="POST", path=f"/{name}", input=name)
    limits = Limits(frame_body_bytes=1_000)
    running = await an_engine(
        tmp_path, a_lock(steps, schemas=schemas), dict.fromkeys(steps, take), limits=limits
    )
    yield running
    await running.engine.close()


async def call(
    running: Running, path: str, body: bytes, *headers: tuple[str, str], in_file: bool = False
) -> tuple[int, Any]:
    more: dict[str, Any] = {"file": io.BytesIO(body), "size": len(body)} if in_file else {}
    answer = await running.engine.call(
        a_call(path, b"" if in_file else body, headers=list(headers), **more)
    )
    return answer.status, json.loads(answer.body)


def seen(running: Running) -> Request:
    [one] = running.hosts.calls
    return json_request(bytes(one.input))


def json_request(encoded: bytes) -> Request:
    return msgspec.json.decode(encoded, type=Request)


def read(path: str) -> bytes:
    return Path(path).read_bytes()


def form(*parts: tuple[str, bytes]) -> bytes:
    said = b"".join(
        b"--b b\r\nContent-Disposition: form-data; %s\r\n\r\n%b\r\n" % (head.encode(), content)
        for head, content in parts
    )
    return said + b"--b b--\r\n"


@pytest.mark.parametrize("in_file", [True, False])
async def test_a_form_has_texts_and_files(running: Running, in_file: bool) -> None:
    body = form(
        ('name="title"', "Grüße".encode()),
        ('name="tag"', b"1"),
        ('name="tag"', b"2"),
        ('name="file"; filename="ä.bin"\r\nContent-Type: image/png', b"\0\xff" * 500_000),
        ('name="small"; filename="s.txt"', b"s"),
        ('name="unchosen"; filename=""', b""),
        ('name="latin"\r\nContent-Type: text/plain; charset=iso-8859-1', b"\xe4"),
    )

    status, told = await call(running, "/any", body, FORM, in_file=in_file)

    assert status == 200
    file = told["body"].pop("file")
    assert (file["size"], file["type"], file["name"]) == (1_000_000, "image/png", "ä.bin")
    assert told["files"][file["blob"]].encode("latin-1") == b"\0\xff" * 500_000
    small = told["body"].pop("small")
    assert (small["name"], told["files"][small["blob"]]) == ("s.txt", "s")
    assert told["body"] == {"title": "Grüße", "tag": ["1", "2"], "latin": "ä"}


async def test_a_forms_files_are_checked_by_the_schema(running: Running) -> None:
    good = await call(running, "/file", form(('name="file"; filename="a"', b"1")), FORM)
    bad = await call(running, "/file", form(('name="file"', b"1")), FORM)

    assert good[0] == 200
    assert (bad[0], list(bad[1]["error"]["fields"])) == (422, ["/file"])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 200),
        (b"--b b", 422),
        (form(("x", b""))[:-9], 422),
        (b"garbage" * 1000, 422),
        (b"--b b\r\nX: y\r\n\r\nz\r\n--b b--", 422),
        (
            b"".join(
                b"--b b\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n" for _ in range(1_001)
            )
            + b"--b b--",
            422,
        ),
        (form(('name="a"', b"x" * 1_100_000)), 413),
        (form(('name="a"', b"\xff")), 422),
    ],
)
async def test_what_is_no_form_is_refused(running: Running, body: bytes, status: int) -> None:
    assert (await call(running, "/any", body, FORM))[0] == status


async def test_a_large_body_is_its_steps_blob(running: Running) -> None:
    body = b"\x01" * 5_000

    for in_file in (True, False):
        status, told = await call(
            running, "/any", body, ("content-type", "image/png"), in_file=in_file
        )
        assert (status, told["body"]["size"], told["body"]["type"]) == (200, 5_000, "image/png")
    request = json_request(bytes(running.hosts.calls[0].input))
    assert request.raw_body_base64 == "" and request.raw_body_blob == told["body"]["blob"]
    assert read(request.raw_body_path) == body


async def test_json_beyond_a_frame_is_parsed_and_its_bytes_are_a_blob(running: Running) -> None:
    body = json.dumps({"a": "x" * 2_000}).encode()

    status, told = await call(running, "/any", body, ("content-type", "application/json"))

    assert (status, told["body"]) == (200, {"a": "x" * 2_000})
    assert read(seen(running).raw_body_path) == body


async def test_json_too_large_for_memory_is_refused_where_a_schema_must_check_it(
    running: Running,
) -> None:
    status, told = await call(
        running, "/file", b"{}", ("content-type", "application/json"), in_file=True
    )

    assert (status, told["error"]["code"]) == (413, "endpoint.body-too-large")


@pytest.mark.parametrize("kind", ["application/json", "text/csv", FORM[1], ""])
async def test_an_endpoint_that_asks_for_a_blob_gets_any_body_as_one(
    running: Running, kind: str
) -> None:
    headers = [("content-type", kind)] if kind else []

    status, told = await call(running, "/blob", b"a,b", *headers)

    assert (status, told["body"]["size"]) == (200, 3)
    assert told["body"].get("type", "") == kind.partition(";")[0]
    assert (await call(running, "/blob", b""))[0] == 422


@pytest.mark.parametrize(
    ("kind", "body", "status", "value"),
    [
        ("text/plain", "ä".encode(), 200, "ä"),
        ("text/plain; charset=windows-1252", b"\x80", 200, "€"),
        ("text/plain; charset=utf-16", "ä".encode("utf-16"), 200, "ä"),
        ("text/plain; charset=klingon", b"a", 415, None),
        ("text/plain; charset=unicode_escape", b"a", 415, None),
        ("text/plain", b"\xff", 422, None),
        ("text/plain", b"1234", 422, None),
        ("application/json", b'"abc"', 200, "abc"),
    ],
)
async def test_a_text_is_read_in_its_charset(
    running: Running, kind: str, body: bytes, status: int, value: Any
) -> None:
    told = await call(running, "/text", body, ("content-type", kind))

    assert told[0] == status
    if status == 200:
        assert told[1]["body"] == value


async def test_what_is_none_of_these_is_raw(running: Running) -> None:
    status, told = await call(
        running, "/any", b"\0\1", ("content-type", "application/octet-stream")
    )

    assert (status, told["body"]) == (200, None)
    assert base64.b64decode(seen(running).raw_body_base64) == b"\0\1"


async def test_the_record_names_the_blob_and_no_path(running: Running) -> None:
    await call(running, "/any", b"x" * 5_000, ("content-type", "image/png"))
    await running.engine.close()

    [attempt] = running.sink.of_kind("attempt")

    assert attempt["input"]["raw_body_blob"] == attempt["input"]["body"]["blob"]
    assert "raw_body_path" not in attempt["input"]
