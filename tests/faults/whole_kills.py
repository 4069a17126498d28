"""Kills of the whole system's processes: calls through the gateway, and pushes beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults import ledger, table
from tests.faults.harness import measure
from tests.faults.whole_system import running_whole


@dataclass
class Both:
    """What became of the calls, and of the pushes."""

    calls: table.Verdict
    pushes: table.Verdict

    def problems(self) -> list[str]:
        return self.calls.problems() + [f"pushes: {one}" for one in self.pushes.problems()]


async def kill_all(
    folder: Path, *, kills: int, seed: int, say: Callable[[str], None] = print
) -> Both:
    """Each of the seven processes that many times, in a random order."""
    log = folder / "pushes.log"
    async with running_whole(folder) as system:
        calls = await measure(
            system,
            system.victims * kills,
            folder=folder,
            seed=seed,
            beside=lambda chance: system.pushing(log, chance=chance),
            say=say,
        )
        pushes = table.verdict(ledger.read(log), system.builds())
    for line in table.push_lines(pushes):
        say(line)
    return Both(calls, pushes)
