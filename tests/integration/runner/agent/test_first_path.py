"""A version assigned -> fetched -> loaded -> called through a real gateway -> its records at the Hub."""

from __future__ import annotations

import hashlib
import json

from tests.doubles.caller import Caller
from tests.factories.routing import LABEL, deployment_id
from tests.integration.runner.agent.conftest import SECRET, Machine, a_project
from wistro.protocol.records import AttemptRecord, LineRecord, RunRecord


async def test_a_call_is_answered_and_its_records_arrive(machine: Machine) -> None:
    machine.assign(machine.assigned(machine.bundle(a_project())))
    await machine.start_agent()
    await machine.api.state(deployment_id(1), "healthy")

    status, body = await machine.call()

    assert (status, body) == (200, {"version": 1})
    line = await machine.api.record(LineRecord, message="shipped tea")
    run = await machine.api.record(RunRecord, run_id=line.run_id, status="done")
    assert run.generation == machine.api.assignments.serial and run.path == "/orders"
    order = await machine.api.record(AttemptRecord, run_id=line.run_id, step="src/order")
    assert order.outcome == "done" and [one.topic for one in order.emits] == ["order.placed"]
    said = await machine.api.record(LineRecord, message="order taken")
    assert said.fields == {"key": "[redacted]"}
    assert SECRET not in machine.said()


UPLOAD = """
config = {"type": "api", "name": "Order", "method": "POST", "path": "/orders", "public": True,
          "emits": ["order.placed"], "flows": ["orders"]}

async def handler(req, ctx):
    await ctx.emit({"topic": "order.placed", "data": {"file": req.body["file"], "text": "x" * 300_000}})
    return {"status": 200, "body": req.body["file"]}
"""
READ = """
import os
config = {"type": "event", "name": "Ship", "subscribes": ["order.placed"], "emits": [], "flows": ["orders"]}

async def handler(input, ctx):
    path = await ctx.blobs.path(input["file"])
    try:
        open(path, "ab")
        writable = True
    except OSError:
        writable = False
    ctx.logger.info("read", {"content": (await ctx.blobs.get(input["file"])).decode(), "writable": writable,
                             "text": len(input["text"])})
"""


async def test_a_sandboxed_step_reads_a_files_blob_and_cannot_change_it(machine: Machine) -> None:
    files = a_project() | {"src/order.step.py": UPLOAD, "src/ship.step.py": READ}
    machine.assign(machine.assigned(machine.bundle(files)))
    await machine.start_agent()
    await machine.api.state(deployment_id(1), "healthy")
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nabc\r\n--b--\r\n'
    )
    caller = await Caller.open(machine.port)

    status, _, answer = await caller.ask(
        "/orders",
        host=f"{LABEL}.localhost",
        headers=(("content-type", "multipart/form-data; boundary=b"),),
        body=body,
    )
    caller.close()

    digest = hashlib.sha256(b"abc").hexdigest()
    assert (status, json.loads(answer)["blob"]) == (200, f"sha256:{digest}")
    line = await machine.api.record(LineRecord, message="read")
    assert line.fields == {"content": "abc", "writable": False, "text": 300_000}
