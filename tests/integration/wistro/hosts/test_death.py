"""A host that dies, lies or leaves: who is told, and what is left of it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from wistro.hosts.port import HostLost, Returned
from wistro.languages import LANGUAGES

LIMIT_S = 20


async def ended(pid: int) -> None:
    """Until the process is dead, child of ours or not."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, dead = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(pidfd, dead.set)
    try:
        await asyncio.wait_for(dead.wait(), LIMIT_S)
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)


async def test_kill_loses_exactly_the_calls_of_that_host(place) -> None:
    place.open(sizes={"calls": 3})
    attempts = [place.call("wait", 60) for _ in range(6)]
    by_pid: dict[int, list] = {}
    for attempt in attempts:
        by_pid.setdefault(await attempt.pid(), []).append(attempt)
    victim, survivor = by_pid

    os.kill(victim, signal.SIGKILL)

    for attempt in by_pid[victim]:
        assert await attempt.outcome() == HostLost(alone=False, exit="signal 9", stderr="")
    assert len(by_pid[survivor]) == 3
    assert not any(attempt.task.done() for attempt in by_pid[survivor])
    for attempt in by_pid[survivor]:
        await attempt.cancel()


async def test_lone_call_is_named_as_the_one_that_died(place) -> None:
    place.open()
    attempt = place.call("wait", 60, alone=True)

    os.kill(await attempt.pid(), signal.SIGKILL)

    assert await attempt.outcome() == HostLost(alone=True, exit="signal 9", stderr="")


async def test_calls_after_a_death_get_a_fresh_host(place) -> None:
    place.open(sizes={"hosts": 1})
    attempt = place.call("wait", 60)
    old = await attempt.pid()
    os.kill(old, signal.SIGKILL)
    await attempt.outcome()

    fresh = place.call("pid")

    assert await fresh.pid() != old
    assert await fresh.outcome() == Returned(None)


async def test_what_a_dead_host_started_dies_with_it(place) -> None:
    place.open()
    attempt = place.call("leave_child")

    assert isinstance(await attempt.outcome(), HostLost)

    await ended(await attempt.pid())


@pytest.mark.parametrize("step", ["wait", "block"])
async def test_host_ends_with_its_engine_even_when_a_step_holds_it_up(place, step: str) -> None:
    engine = f"""
        import asyncio, sys
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parents[4])!r})
        from tests.integration.wistro.hosts.conftest import Place
        async def main():
            place = Place(Path({str(place.root)!r}))
            place.open()
            print(await place.call({step!r}, 600).pid(), flush=True)
            await asyncio.sleep(600)
        asyncio.run(main())
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(engine), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    host = int(await asyncio.wait_for(process.stdout.readline(), LIMIT_S))

    process.kill()
    await process.wait()

    await ended(host)


READY = '{"frame":"ready","protocol":1,"language":"python","runtime":"3.11.0","pid":1}'
LIAR = """
import os, struct, sys, time
def send(body):
    os.write(3, struct.pack(">I", len(body)) + body)
os.read(3, 100_000)  # hello
send({ready!r}.encode())
os.read(3, 100_000)  # a call
{then}
time.sleep(600)
"""


@pytest.mark.parametrize(
    ("then", "says"),
    [
        ("os.write(3, b'\\xff\\xff\\xff\\xff')", "sent a frame of 4294967295 bytes"),
        ("send(b'not json')", "sent what is not a frame"),
        ("send(b'{\"frame\":\"gossip\"}')", "sent what is not a frame"),
        ("send(b'{\"frame\":\"done\"}')", "sent what is not a frame"),
        ("send(b'{\"frame\":\"done\",\"call\":1,\"answer\":' + b'[' * 100_000)", "sent what is not a frame"),
        ("os.close(3)", "closed its connection"),
        ("os.write(3, b'\\x00'); sys.exit(5)", "exit 5"),
    ],
)  # fmt: skip
async def test_host_that_breaks_the_protocol_is_lost_with_the_reason(
    place, then: str, says: str
) -> None:
    liar = place.root / "liar.py"
    liar.write_text(LIAR.format(ready=READY, then=then))
    place.open(languages={"python": replace(LANGUAGES["python"], host=(str(liar),))})

    outcome = await place.call("pid").outcome()

    assert isinstance(outcome, HostLost)
    assert says in outcome.exit


async def test_frames_about_calls_that_are_over_change_nothing(place) -> None:
    liar = place.root / "liar.py"
    late = 'send(b\'{"frame":"done","call":99}\'); send(b\'{"frame":"emit","call":99,"ask":1,"topic":"t","data":1}\')'
    liar.write_text(
        LIAR.format(ready=READY, then=f'{late}; send(b\'{{"frame":"done","call":1}}\')')
    )
    place.open(languages={"python": replace(LANGUAGES["python"], host=(str(liar),))})

    assert await place.call("pid").outcome() == Returned(None)


async def test_a_process_that_outlives_its_host_keeps_no_pipe_of_ours_open(place) -> None:
    pool = place.open()
    await pool.warm()
    [host] = pool.hosts
    closed = {output: asyncio.Event() for output in (host._stdout, host._stderr)}
    for output, event in closed.items():
        lost = output.connection_lost
        output.connection_lost = lambda exc, lost=lost, event=event: (lost(exc), event.set())
    attempt = place.call("leave_session")
    child = await attempt.pid()

    try:
        assert isinstance(await attempt.outcome(), HostLost)
        for event in closed.values():
            await asyncio.wait_for(event.wait(), LIMIT_S)
    finally:
        os.kill(child, signal.SIGKILL)
