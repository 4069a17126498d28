"""A version assigned -> fetched -> loaded -> called through a real gateway -> its records at the Hub."""

from __future__ import annotations

from tests.factories.routing import deployment_id
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
