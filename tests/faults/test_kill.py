"""kill -9 under load: what was acknowledged is delivered, once. The short form; `python -m tests.faults --long` is the long one."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.engine_system import EngineSystem
from tests.faults.harness import measure
from tests.faults.whole_kills import Both, kill_all

SHORT, LONG = 2, 25


async def test_a_killed_engine_or_host_loses_nothing_and_counts_nothing_twice(
    tmp_path, seed: int
) -> None:
    async with EngineSystem(tmp_path) as system:
        found = await measure(system, system.victims * 3, folder=tmp_path, seed=seed)
        tries = system.tries()

    assert found.problems() == []
    assert len(found.kills) == 6
    assert max(tries.values()) > 1  # the kills met something: a step was begun twice


@pytest.mark.timeout(600)
async def test_any_of_seven_processes_may_be_killed(tmp_path, seed: int) -> None:
    """Engine, language host, agent, hub web, worker, PostgreSQL and Redis, each of them."""
    found = await kill_all(tmp_path, kills=SHORT, seed=seed)

    assert_all_seven(found, SHORT)


@pytest.mark.long
@pytest.mark.timeout(7200)
async def test_any_of_seven_processes_may_be_killed_often(tmp_path, seed: int) -> None:
    found = await kill_all(tmp_path, kills=LONG, seed=seed)

    assert_all_seven(found, LONG)


def assert_all_seven(found: Both, kills: int) -> None:
    assert found.problems() == []
    counts = Counter(one.victim for one in found.calls.kills)
    assert len(counts) == 7
    assert set(counts.values()) == {kills}
