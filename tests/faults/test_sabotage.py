"""The harness fails when a promise is broken on purpose: otherwise its zeros would mean nothing."""

from __future__ import annotations

import pytest

from tests.faults import engine_faults, power
from tests.faults.engine_system import EngineSystem
from tests.faults.harness import measure
from tests.faults.mounts import why_no_power_cut
from tests.faults.shim import why_not as why_no_shim


@pytest.mark.parametrize(
    ("sabotage", "noticed"),
    [
        ("AcknowledgesFirst", {"lost", "unrecorded"}),
        ("CommitsInTwo", {"duplicated"}),
        ("ForgetsAnswers", {"duplicated", "changed"}),
    ],
)
async def test_a_broken_promise_is_noticed(
    tmp_path, seed: int, sabotage: str, noticed: set[str]
) -> None:
    async with EngineSystem(tmp_path, sabotage=sabotage) as system:
        engine, *_ = system.victims
        found = await measure(system, [engine] * 3, folder=tmp_path, seed=seed)

    assert {name for name in noticed if getattr(found, name)} == noticed
    assert found.problems() != []


@pytest.mark.skipif(why_no_power_cut() is not None, reason=str(why_no_power_cut()))
@pytest.mark.skipif(why_no_shim() is not None, reason=str(why_no_shim()))
async def test_a_power_cut_notices_syncs_that_are_none(tmp_path, seed: int) -> None:
    row = await power.cuts(tmp_path, times=2, seed=seed, lies=True)

    assert row.lost > 0
    assert row.problems != []


async def test_a_zombie_whose_writes_nobody_refuses_is_noticed(tmp_path, seed: int) -> None:
    row = await engine_faults.zombies(tmp_path, times=1, seed=seed, sabotage="Unfenced")

    assert row.problems != []
