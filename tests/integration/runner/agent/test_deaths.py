"""Engines and agents that are killed, and a Hub that is away: what was acknowledged is done and told, once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter

from tests.doubles.fleet_api import LIMIT_S
from tests.factories.routing import ENVIRONMENT, deployment_id
from tests.integration.runner.agent.conftest import Machine, a_project
from wistro.protocol.machine import Assignment
from wistro.protocol.records import AttemptRecord, ClosedRecord, LineRecord, RunRecord


async def a_serving_machine(machine: Machine, **settings: str) -> int:
    """Its engine's pid."""
    machine.assign(machine.assigned(machine.bundle(a_project())))
    await machine.start_agent(**settings)
    await machine.api.state(deployment_id(1), "healthy")
    return await machine.engine_pid()


def shipped(machine: Machine) -> Counter[str]:
    """What `src/ship` finished, by item."""
    return Counter(
        one.input["item"]
        for one in machine.api.records.values()
        if isinstance(one, AttemptRecord) and one.step == "src/ship" and one.outcome == "done"
    )


async def all_shipped(machine: Machine, items: set[str]) -> Counter[str]:
    await machine.api.until(lambda: items <= shipped(machine).keys())
    return shipped(machine)


async def orders(machine: Machine, count: int, prefix: str) -> set[str]:
    """Items whose call was answered 200."""

    async def one(item: str) -> str | None:
        status, _ = await machine.call(body={"item": item})
        return item if status == 200 else None

    answered = await asyncio.gather(*(one(f"{prefix}{number}") for number in range(count)))
    return {item for item in answered if item}


async def test_a_killed_engine_comes_back_and_loses_nothing_acknowledged(machine: Machine) -> None:
    pid = await a_serving_machine(machine)
    calling = asyncio.create_task(orders(machine, 60, "a"))
    await machine.api.record(AttemptRecord, step="src/order")

    await asyncio.to_thread(machine.kill, pid)
    acknowledged = await calling
    after = await orders(machine, 5, "b")  # held by the gateway until it is back

    assert len(after) == 5 and await machine.engine_pid() != pid
    counts = await all_shipped(machine, acknowledged | after)
    assert set(counts.values()) == {1}
    closed = await machine.api.record(ClosedRecord)
    streams = {stream for stream, seq in machine.api.records if seq == closed.seq}
    assert len({stream for stream, _ in machine.api.records}) == 2 and streams


async def test_with_the_hub_down_a_killed_engine_comes_back_too(machine: Machine) -> None:
    pid = await a_serving_machine(machine)
    await machine.api.stop()

    await asyncio.to_thread(machine.kill, pid)
    acknowledged = await orders(machine, 3, "a")
    await machine.api.start()

    assert len(acknowledged) == 3
    assert set((await all_shipped(machine, acknowledged)).values()) == {1}


async def test_an_engine_outlives_a_killed_agent_and_is_adopted_by_the_next(
    machine: Machine,
) -> None:
    pid = await a_serving_machine(machine)
    await machine.end_agent(signal.SIGKILL)

    meanwhile = await orders(machine, 3, "a")
    machine.api.heartbeats.clear()
    await machine.start_agent()
    await machine.api.state(deployment_id(1), "healthy")
    counts = await all_shipped(machine, meanwhile)

    assert len(meanwhile) == 3 and set(counts.values()) == {1}
    assert await machine.engine_pid() == pid
    assert "adopted" in machine.said()


async def test_an_agent_that_is_asked_to_end_leaves_its_engines_running(machine: Machine) -> None:
    pid = await a_serving_machine(machine)

    assert await machine.end_agent() == 0
    assert (await machine.call())[0] == 200
    assert await machine.engine_pid() == pid


async def test_agent_and_engine_start_with_the_hub_down(machine: Machine) -> None:
    pid = await a_serving_machine(machine)
    await machine.end_agent(signal.SIGKILL)
    await asyncio.to_thread(machine.kill, pid)
    await machine.api.stop()

    await machine.start_agent()
    await asyncio.to_thread(machine.wait_said, "from disk")

    assert (await machine.call())[0] == 200
    content = b"".join(one.read_bytes() for one in machine.data.rglob("*") if one.is_file())
    assert b"sk_live" not in content


async def test_records_wait_while_the_hub_is_away_and_arrive_once_each(machine: Machine) -> None:
    await a_serving_machine(machine)
    machine.api.refuse_records = 503
    first = await orders(machine, 20, "a")

    machine.api.refuse_records = None
    machine.api.loses_answers = True  # each batch is sent twice; the double compares them
    second = await orders(machine, 20, "b")

    counts = await all_shipped(machine, first | second)
    assert len(first | second) == 40 and set(counts.values()) == {1}
    for stream in {stream for stream, _ in machine.api.records}:
        seqs = sorted(seq for of, seq in machine.api.records if of == stream)
        assert seqs == list(range(1, len(seqs) + 1))


async def test_a_draining_version_with_live_runs_is_never_called_drained(machine: Machine) -> None:
    project = a_project()
    project["src/ship.step.py"] = project["src/ship.step.py"].replace(
        '"flows"', '"retries": {"initial": "5m", "max": 3, "jitter": False}, "flows"'
    )
    project["src/ship.step.py"] += "    raise RuntimeError('not yet')\n"
    bundle = machine.bundle(project)
    machine.assign(machine.assigned(bundle))
    await machine.start_agent()
    await machine.api.state(deployment_id(1), "healthy")
    await machine.call()
    await machine.api.record(AttemptRecord, step="src/ship", outcome="retrying")
    machine.assign(machine.assigned(bundle, weight=0, want="drain"))
    assert (await machine.api.state(deployment_id(1), "draining")).live_runs == 1

    seen = len(machine.api.heartbeats)
    await asyncio.to_thread(machine.kill, await machine.engine_pid())
    await machine.api.record(ClosedRecord)  # the next engine's first words
    await machine.api.until(lambda: len(machine.api.heartbeats) > seen + 2)

    told = [one.environments[0].deployments[0] for one in machine.api.heartbeats[seen:]]
    assert {one.live_runs for one in told} == {1}


async def test_a_second_agent_on_the_same_folder_is_refused(machine: Machine) -> None:
    pid = await a_serving_machine(machine)
    first = machine.agent

    await machine.start_agent()
    second, machine.agent = machine.agent, first
    assert second is not None

    assert await asyncio.wait_for(second.wait(), LIMIT_S) == 1
    assert "agent.already-running" in machine.said() and "Traceback" not in machine.said()
    assert await machine.engine_pid() == pid


async def test_an_environment_that_was_granted_away_stops(machine: Machine) -> None:
    pid = await a_serving_machine(machine)
    await orders(machine, 1, "a")
    await machine.api.record(RunRecord, status="done")

    machine.api.assign()

    await asyncio.to_thread(machine.wait_gone, pid)
    await machine.api.until(lambda: machine.api.heartbeats[-1].environments == [])
    assert machine.said().count("drained") == 1


async def test_orders_under_an_older_fence_are_not_taken(machine: Machine) -> None:
    machine.assign(machine.assigned(machine.bundle(a_project())), fence=5)
    await machine.start_agent()
    await machine.api.state(deployment_id(1), "healthy")

    given = machine.api.assignments.assignments[0]
    machine.api.assign(Assignment(ENVIRONMENT, "org", 4, given.key, []))

    await asyncio.to_thread(machine.wait_said, "fence 4, ours is 5")
    assert (await machine.call())[0] == 200


async def test_a_term_signal_answers_what_was_accepted_and_ends(machine: Machine) -> None:
    slow = a_project()
    slow["src/order.step.py"] = slow["src/order.step.py"].replace(
        "    await ctx.emit", "    import asyncio; await asyncio.sleep(0.5)\n    await ctx.emit"
    )
    machine.assign(machine.assigned(machine.bundle(slow)))
    await machine.start_agent()
    await machine.api.state(deployment_id(1), "healthy")
    pid = await machine.engine_pid()
    call = asyncio.create_task(machine.call())
    await machine.api.record(LineRecord, message="order taken")

    await machine.end_agent()
    os.kill(pid, signal.SIGTERM)

    assert (await call)[0] == 200
    await asyncio.to_thread(machine.wait_gone, pid)
    assert "drained" in machine.said() and "Traceback" not in machine.said()
