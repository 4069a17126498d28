"""kill -9 under load: what was acknowledged is delivered, once. The short form; `python -m tests.faults --long` is the long one."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.whole_kills import Both, kill_all

SHORT, LONG = 2, 25


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
