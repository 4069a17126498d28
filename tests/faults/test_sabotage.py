"""The harness fails when a promise is broken on purpose: otherwise its zeros would mean nothing."""

from __future__ import annotations

import pytest

from tests.faults.engine_system import EngineSystem
from tests.faults.harness import measure


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
    module = "tests.faults.sabotaged_process"
    async with EngineSystem(tmp_path, module=module, arguments=[sabotage]) as system:
        engine, _ = system.victims
        found = await measure(system, [engine] * 3, folder=tmp_path, seed=seed)

    assert {name for name in noticed if getattr(found, name)} == noticed
    assert found.problems() != []
