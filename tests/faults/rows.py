"""The engine's table: a row a fault, each with its n; what was skipped says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.faults import table


@dataclass
class Row:
    """What became of one fault. `times` counts the faults, `busy` those that met calls in flight."""

    fault: str
    times: int = 0
    busy: int = 0
    attempted: int = 0
    acknowledged: int = 0
    lost: int = 0  # acknowledged and not delivered, or delivered and not recorded
    unexpected: int = 0
    duplicated: int = 0
    recovered: int = 0
    note: str = ""
    skipped: str = ""
    problems: list[str] = field(default_factory=list)

    def add(self, found: table.Verdict) -> None:
        self.times += len(found.kills)
        self.busy += found.busy
        self.attempted += found.attempted
        self.acknowledged += found.acknowledged
        self.lost += len({*found.lost, *found.unrecorded})
        self.unexpected += len(found.unexpected)
        self.duplicated += len(found.duplicated) + len(found.torn) + len(found.changed)
        self.recovered += len(found.recovered)
        self.problems += [f"{self.fault}: {one}" for one in found.problems()]


def lines(rows: Sequence[Row]) -> list[str]:
    """The table, ready to print."""
    head = ("fault", "n", "busy", "acknowledged", "lost", "unexpected", "duplicated", "recovered")
    out = [f"  {head[0]:<34}" + "".join(f"{one:>13}" for one in head[1:])]
    for row in rows:
        if row.skipped:
            out.append(f"  {row.fault:<34}      skipped: {row.skipped}")
            continue
        cells = (
            f"{row.times:,}",
            f"{row.busy:,}",
            f"{row.acknowledged:,}",
            f"{row.lost:,}",
            f"{row.unexpected:,}",
            f"{row.duplicated:,}",
            f"{row.recovered:,}",
        )
        out.append(f"  {row.fault:<34}" + "".join(f"{one:>13}" for one in cells))
        if row.note:
            out.append(f"    {row.note}")
    done = [row for row in rows if not row.skipped]
    acknowledged, lost = sum(row.acknowledged for row in done), sum(row.lost for row in done)
    attempted, twice = sum(row.attempted for row in done), sum(row.duplicated for row in done)
    return [
        *out,
        "",
        f"  acknowledged runs lost   {_of(lost, acknowledged)}",
        f"  duplicated outcomes      {_of(twice, attempted)}",
        "  0 of n at 95 % means fewer than 3 in n.",
    ]


def _of(count: int, n: int) -> str:
    bound = f" (< {300 / n:.2g} % at 95 %)" if n and not count else ""
    return f"{count:,} of {n:,}{bound}"
