"""Which host a call gets, and when hosts come and go."""

from __future__ import annotations

import asyncio
import sys

import pytest

from wistro.hosts.port import HostLost, Returned, TimedOut


async def test_no_host_runs_before_the_first_call(place) -> None:
    pool = place.open()

    assert pool.hosts == []
    assert await place.call("pid").outcome() == Returned(None)
    assert len(pool.hosts) == 1


async def test_calls_share_a_host_while_it_has_room(place) -> None:
    pool = place.open()
    await place.call("pid").outcome()

    attempts = [place.call("wait", 0) for _ in range(50)]
    pids = {await attempt.pid() for attempt in attempts}

    assert len(pids) == 1
    assert len(pool.hosts) == 1
    for attempt in attempts:
        await attempt.outcome()


async def test_pool_grows_when_calls_wait_and_no_further_than_its_size(place) -> None:
    pool = place.open(sizes={"calls": 1})
    first, second = place.call("wait", 60), place.call("wait", 60)
    pids = {await first.pid(), await second.pid()}

    third = place.call("pid")
    await first.cancel()

    assert await third.pid() in pids
    assert await third.outcome() == Returned(None)
    assert len(pids) == len(pool.hosts) == 2
    await second.cancel()


async def test_idle_hosts_stop_by_themselves(place, gone) -> None:
    pool = place.open(sizes={"idle_s": 0.05})
    await place.call("pid").outcome()
    (host,) = pool.hosts

    await gone(host)

    assert host.exit == "exit 0"
    assert await place.call("pid").outcome() == Returned(None)


async def test_call_that_runs_alone_has_a_host_for_itself(place) -> None:
    pool = place.open(sizes={"hosts": 1})
    neighbour = place.call("wait", 60)
    shared = await neighbour.pid()

    lone = place.call("wait", 60, alone=True)
    own = await lone.pid()
    third = place.call("pid")

    assert own != shared
    assert await third.pid() == shared
    assert len(pool.hosts) == 2
    for attempt in (neighbour, lone, third):
        await attempt.cancel()


async def test_calls_that_run_alone_follow_each_other(place) -> None:
    place.open(sizes={"hosts": 1})
    neighbour = place.call("wait", 60)
    shared = await neighbour.pid()

    lone = [place.call("pid", alone=True) for _ in range(5)]

    assert [await attempt.outcome() for attempt in lone] == [Returned(None)] * 5
    assert shared not in {await attempt.pid() for attempt in lone}
    await neighbour.cancel()


async def test_lone_call_waits_for_a_busy_host_to_empty_when_no_other_may_start(place) -> None:
    place.open(sizes={"hosts": 0, "calls": 1})
    first = place.call("wait", 0, alone=True)
    await first.outcome()
    busy = place.call("wait", 60)
    await busy.pid()

    lone = place.call("pid", alone=True)
    await busy.cancel()

    assert await lone.outcome() == Returned(None)


async def test_retired_host_lets_its_neighbours_finish(place, gone) -> None:
    pool = place.open(sizes={"hosts": 1})
    await place.call("pid").outcome()
    stubborn = place.call("stubborn", 60, deadline_s=0.05)
    old = await stubborn.pid()
    (host,) = pool.hosts
    neighbour = place.call("wait", 0.6)
    assert await neighbour.pid() == old

    assert await stubborn.outcome() == TimedOut(0.05)
    fresh = place.call("pid")

    assert await fresh.pid() != old
    assert not neighbour.task.done()
    assert await neighbour.outcome() == Returned(None)
    await gone(host)
    assert host.exit == "retired"


HELD_UP = HostLost(alone=False, exit="held up by a step", stderr="")


async def test_calls_of_a_host_that_is_held_up_are_suspects_and_not_charged(place) -> None:
    place.open(sizes={"hosts": 1})
    await place.call("pid").outcome()
    blocking = place.call("block", 60, deadline_s=0.05)
    overdue = place.call("wait", 0, deadline_s=0.1)
    later = place.call("wait", 0, deadline_s=0.4)

    for call in (blocking, overdue, later):
        assert await call.outcome() == HELD_UP


async def test_host_that_is_held_up_within_the_grace_charges_nobody(place) -> None:
    place.open(sizes={"hosts": 1, "cancel_grace_s": 30.0})
    await place.call("pid").outcome()
    neighbour = place.call("wait", 60, deadline_s=0.2)
    await neighbour.pid()
    blocking = place.call("block", 1.5)

    assert await neighbour.outcome() == HELD_UP
    assert await blocking.outcome() == Returned(None)


async def test_call_that_holds_up_a_host_of_its_own_has_timed_out(place) -> None:
    place.open(sizes={"hosts": 1})
    await place.call("pid").outcome()

    assert await place.call("block", 60, deadline_s=0.05).outcome() == TimedOut(0.05)


async def test_overdue_call_in_a_host_that_answers_has_timed_out(place) -> None:
    place.open(sizes={"hosts": 1, "cancel_grace_s": 30.0})
    await place.call("pid").outcome()
    neighbour = place.call("wait", 60)
    await neighbour.pid()

    assert await place.call("wait", 60, deadline_s=0.05).outcome() == TimedOut(0.05)
    assert not neighbour.task.done()
    await neighbour.cancel()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no /proc")
async def test_host_that_outgrows_its_memory_is_replaced_once_it_is_empty(place, gone) -> None:
    pool = place.open(sizes={"hosts": 1, "memory_bytes": 200 << 20})
    neighbour = place.call("wait", 1)
    old = await neighbour.pid()
    (host,) = pool.hosts

    assert await place.call("grow", 300 << 20).outcome() == Returned(None)

    assert await place.call("pid").pid() != old
    assert await neighbour.outcome() == Returned(None)
    await gone(host)
    (line,) = [one for one in place.lines if "replaced" in one.message]
    assert line.fields["held_mib"] > line.fields["limit_mib"] == 200


async def test_call_that_gets_no_host_in_its_time_is_told_so(place) -> None:
    place.open(sizes={"hosts": 1, "calls": 1})
    busy = place.call("wait", 60)
    await busy.pid()

    outcome = await place.call("pid", deadline_s=0.05).outcome()

    assert isinstance(outcome, HostLost)
    assert "no host was free in 0.05 s" in outcome.exit
    await busy.cancel()


async def test_call_given_up_while_it_waits_takes_no_host(place) -> None:
    pool = place.open(sizes={"hosts": 1, "calls": 1})
    busy = place.call("wait", 60)
    await busy.pid()
    waiting = place.call("pid")
    await asyncio.sleep(0)

    await waiting.cancel()
    await busy.cancel()

    assert await place.call("pid").outcome() == Returned(None)
    assert waiting.lines.empty()
    assert len(pool.hosts) == 1


async def test_close_lets_calls_finish_and_takes_no_more(place) -> None:
    pool = place.open()
    attempt = place.call("wait", 0.2)
    await attempt.pid()

    await pool.close(grace_s=10)

    assert await attempt.outcome() == Returned(None)
    assert pool.hosts == []
    late = await place.call("pid").outcome()
    assert isinstance(late, HostLost) and "stopped" in late.exit


async def test_close_kills_what_does_not_finish(place) -> None:
    pool = place.open()
    attempt = place.call("stubborn", 600)
    await attempt.pid()

    await asyncio.wait_for(pool.close(grace_s=0.1), 20)

    lost = await attempt.outcome()
    assert isinstance(lost, HostLost)
    assert not lost.alone  # we ended it: that is not the message's fault
    assert pool.hosts == []


@pytest.mark.parametrize("count", [300])
async def test_every_call_has_an_outcome_when_more_come_than_hosts_hold(place, count: int) -> None:
    place.open(sizes={"calls": 4})

    attempts = [place.call("wait", 0.001) for _ in range(count)]

    assert [await attempt.outcome() for attempt in attempts] == [Returned(None)] * count
