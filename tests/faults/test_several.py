"""Engines on one PostgreSQL lose each other. The short form; `python -m tests.faults.several --long` is the long one."""

from __future__ import annotations

import pytest

from tests.faults.several import LONG, measure, run
from tests.faults.several_system import SeveralSystem


@pytest.mark.timeout(180)
async def test_engines_that_lose_each_other_or_the_server_lose_no_run_and_count_none_twice(
    tmp_path, seed: int
) -> None:
    """One is killed, one is stopped past its lease and let go on, the server is killed."""
    async with SeveralSystem(tmp_path) as system:
        faults = ["kill -9", "postgres", "stop"]
        found = await measure(system, faults, folder=tmp_path, seed=seed)

    assert found.problems() + system.problems() == []
    assert (len(system.takeovers_s), system.zombies_ended) == (2, 1)


@pytest.mark.long
@pytest.mark.timeout(7200)
async def test_engines_lose_each_other_often(seed: int) -> None:
    assert await run(rounds=LONG, seed=seed, engines=3) == []
