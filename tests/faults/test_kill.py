"""kill -9 under load: what was acknowledged is delivered, once. The short form; `python -m tests.faults --long` is the long one."""

from __future__ import annotations

from tests.faults.engine_system import EngineSystem
from tests.faults.harness import measure


async def test_a_killed_engine_or_host_loses_nothing_and_counts_nothing_twice(
    tmp_path, seed: int
) -> None:
    async with EngineSystem(tmp_path) as system:
        found = await measure(system, system.victims * 3, folder=tmp_path, seed=seed)
        tries = system.tries()

    assert found.problems() == []
    assert len(found.kills) == 6
    assert max(tries.values()) > 1  # the kills met something: a step was begun twice
