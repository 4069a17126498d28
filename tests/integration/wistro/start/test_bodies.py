"""Files, large bodies, large messages and streams through `wistro start`, to real Python and JavaScript steps."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from infra.ports import free_ports
from tests.doubles.caller import Caller
from tests.integration.wistro.running import Running, a_project, ask, wistro
from tests.integration.wistro.start.test_start import locked, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

PY = '"public": True, "flows": ["f"]'
STEPS = {
    "src/upload.step.py": f"""
from wistro_sdk import BlobRef
config = {{"type": "api", "name": "Upload", "method": "POST", "path": "/upload", {PY}, "emits": ["uploaded"],
          "bodySchema": {{"type": "object", "required": ["file"], "properties": {{"file": BlobRef.wistro_schema}}}}}}

async def handler(req, ctx):
    await ctx.emit({{"topic": "uploaded", "data": {{"file": req.body["file"], "text": "ü" * 400_000}}}})
    return {{"status": 202, "body": {{"file": req.body["file"], "title": req.body["title"], "raw": len(req.raw_body)}}}}
""",
    "src/read.step.mjs": """
import { createHash } from 'node:crypto'
export const config = { type: 'event', name: 'Read', flows: ['f'], subscribes: ['uploaded'], emits: [] }
export const handler = async ({ file, text }, { blobs, logger }) => {
  const hash = createHash('sha256')
  for await (const chunk of await blobs.open(file)) hash.update(chunk)
  logger.info('read', { sha256: hash.digest('hex'), text: text.length })
}
""",
    "src/put.step.mjs": """
import { blobRef } from '@wistro/sdk'
export const config = { type: 'api', name: 'Put', method: 'PUT', path: '/put', public: true, flows: ['f'], emits: [], bodySchema: blobRef }
export const handler = async (req) => ({ status: 200, body: { ...req.body, raw: req.rawBody.length } })
""",
    "src/talk.step.py": f"""
import contextlib
from wistro_sdk import sse
config = {{"type": "api", "name": "Talk", "method": "GET", "path": "/talk/:how", {PY}, "emits": []}}

async def handler(req, ctx):
    async def events():
        yield "one"
        await ctx.state.set("talk", "said", 1)
        if req.path_params["how"] == "badly":
            raise ValueError("half-way")
        if req.path_params["how"] == "long":
            ctx.logger.info("talking")
            try:
                await asyncio.sleep(60)
            finally:
                ctx.logger.info("stopped talking")
        yield {{"event": "two", "data": {{"said": await ctx.state.get("talk", "said")}}}}
    return sse(events())
""",
    "src/rows.step.mjs": """
export const config = { type: 'api', name: 'Rows', method: 'GET', path: '/rows', public: true, flows: ['f'], emits: [] }
export async function* handler() {
  for (let n = 0; n < 100; n++) yield `${n}\\n`.repeat(1000)
}
""",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[int, Running, Path]]:
    root = locked(a_project(tmp_path_factory.mktemp("bodies") / "p", STEPS))
    (port,) = free_ports(1)
    async with wistro("start", "--port", str(port), folder=root) as running:
        await serving(running)
        yield port, running, root


Served = tuple[int, Running, Path]


async def test_a_file_of_a_form_reaches_another_language_by_a_message_that_is_large_itself(
    served: Served,
) -> None:
    port, running, _ = served
    content = os.urandom(12 * 1024 * 1024)
    body = (
        b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nCat\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="c"\r\n\r\n%b\r\n--b--\r\n'
        % content
    )
    headers = {"content-type": "multipart/form-data; boundary=b"}

    answer = await ask(port, "POST", "/upload", body, headers=headers)
    read = json.loads(await running.line('"sha256"'))

    assert (answer.status, answer.json["title"], answer.json["raw"]) == (202, "Cat", 0)
    assert answer.json["file"]["size"] == len(content)
    assert read["fields"] == {"sha256": hashlib.sha256(content).hexdigest(), "text": 400_000}


async def test_a_large_body_is_read_from_its_file_and_one_too_large_is_refused(
    served: Served,
) -> None:
    port, _, root = served
    content = b"x" * (20 * 1024 * 1024)

    answer = await ask(port, "PUT", "/put", content, headers={"content-type": "image/png"})
    caller = await Caller.open(port)
    await caller.send(b"PUT /put HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (101 << 20))
    refused = await caller.answer()
    caller.close()

    assert answer.json == {
        "blob": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "size": len(content),
        "type": "image/png",
        "raw": len(content),
    }
    assert refused[0] == 413
    assert list((root / ".wistro" / "blobs" / "uploads").iterdir()) == []


async def test_a_stream_ends_with_its_last_event_after_the_commit(served: Served) -> None:
    port, *_ = served

    answer = await ask(port, "GET", "/talk/well")
    rows = await ask(port, "GET", "/rows")

    events = answer.body.decode().split("\n\n")
    assert answer.headers["content-type"] == "text/event-stream"
    assert events[:2] == ["data: one", 'event: two\ndata: {"said":1}']
    assert events[2].startswith('event: done\ndata: {"run_id":"run_')
    assert rows.body == b"".join(b"%d\n" % n * 1000 for n in range(100))


async def test_a_stream_whose_step_fails_half_way_is_cut(served: Served) -> None:
    port, *_ = served
    caller = await Caller.open(port)
    await caller.send(b"GET /talk/badly HTTP/1.1\r\nHost: a\r\n\r\n")

    got = b""
    with contextlib.suppress(ConnectionError):
        got = await caller.rest()
    caller.close()

    assert b"0\r\n\r\n" not in got and b"done" not in got


async def test_a_caller_that_leaves_a_stream_ends_its_step(served: Served) -> None:
    port, running, _ = served
    caller = await Caller.open(port)
    await caller.send(b"GET /talk/long HTTP/1.1\r\nHost: a\r\n\r\n")
    await running.line("talking")
    caller.close()

    await running.line("stopped talking")
