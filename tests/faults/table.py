"""Counting as in Jepsen's total-queue, and the table that is printed: n stands beside every zero."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.faults.killer import Kill
from tests.faults.ledger import Log

BUSY = 0.8  # so many of the kills must have met calls in flight


@dataclass
class Outcomes:
    """What is in the system in the end: `counts[stage][key]` effects that counted, and the runs that are recorded as done."""

    counts: Mapping[str, Mapping[str, int]]
    done_runs: frozenset[str] = frozenset()
    repeated: list[str] = field(default_factory=list)  # "run step" with two attempts that counted

    @property
    def keys(self) -> set[str]:
        return set().union(*self.counts.values())

    def delivered(self, key: str) -> bool:
        return all(stage.get(key, 0) for stage in self.counts.values())


@dataclass
class Verdict:
    attempted: int
    acknowledged: int
    lost: list[str]  # acknowledged, and an effect is missing
    unrecorded: list[str]  # acknowledged, and no record says that its run is done
    unexpected: list[str]  # an effect of what nobody sent
    duplicated: list[str]  # an effect that counted twice
    torn: list[str]  # not acknowledged, and counted by halves
    recovered: list[str]  # not acknowledged, and delivered all the same
    changed: list[str]  # two different answers under one key
    refused: list[str]
    kills: Sequence[Kill]

    @property
    def busy(self) -> int:
        return sum(one.in_flight > 0 for one in self.kills)

    def problems(self) -> list[str]:
        """What breaks the promise, one line each; empty when it holds."""
        broken = {
            "lost": self.lost,
            "unrecorded": self.unrecorded,
            "unexpected": self.unexpected,
            "duplicated": self.duplicated,
            "torn": self.torn,
            "changed answers": self.changed,
            "refused": self.refused,
        }
        found = [
            f"{len(keys)} {word}: {', '.join(sorted(keys)[:5])}"
            for word, keys in broken.items()
            if keys
        ]
        if not self.acknowledged:
            found.append("nothing was acknowledged")
        if self.busy < BUSY * len(self.kills):
            found.append(f"only {self.busy} of {len(self.kills)} kills met calls in flight")
        return found


def verdict(log: Log, outcomes: Outcomes, *, kills: Sequence[Kill] = ()) -> Verdict:
    acknowledged = set(log.acknowledged)
    delivered = {key for key in outcomes.keys if outcomes.delivered(key)}
    twice = {key for stage in outcomes.counts.values() for key, count in stage.items() if count > 1}
    return Verdict(
        attempted=len(log.attempted),
        acknowledged=len(acknowledged),
        lost=sorted(acknowledged - delivered),
        unrecorded=sorted(
            key for key, run_id in log.acknowledged.items() if run_id not in outcomes.done_runs
        ),
        unexpected=sorted(outcomes.keys - log.attempted),
        duplicated=sorted(twice) + outcomes.repeated,
        torn=sorted(outcomes.keys - delivered - acknowledged),
        recovered=sorted(delivered - acknowledged),
        changed=log.changed,
        refused=log.refused,
        kills=kills,
    )


def lines(found: Verdict) -> list[str]:
    """The table, ready to print."""
    rows = [
        ("acknowledged runs lost", _of(found.lost, found.acknowledged)),
        ("acknowledged runs not recorded", _of(found.unrecorded, found.acknowledged)),
        ("duplicated outcomes", _of(found.duplicated, found.attempted)),
        ("counted by halves", _of(found.torn, found.attempted)),
        ("unexpected outcomes", f"{len(found.unexpected)}"),
        ("two answers to one key", _of(found.changed, found.acknowledged)),
        ("refused for no reason", f"{len(found.refused)}"),
        ("recovered (not acknowledged, delivered)", f"{len(found.recovered)}"),
    ]
    return [*kill_lines(found), *(f"  {name:<42}{value}" for name, value in rows)]


def push_lines(found: Verdict) -> list[str]:
    """The same of pushes: `found` is of their log, with versions as outcomes and builds as records."""
    rows = [
        ("acknowledged pushes without a version", _of(found.lost, found.acknowledged)),
        ("acknowledged pushes - builds", _of(found.unrecorded, found.acknowledged)),
        ("pushes that became two versions", _of(found.duplicated, found.attempted)),
        ("versions of what nobody pushed", f"{len(found.unexpected)}"),
        ("recovered (not acknowledged, built)", f"{len(found.recovered)}"),
    ]
    return [f"  {name:<42}{value}" for name, value in rows]


def kill_lines(found: Verdict) -> list[str]:
    out = [
        f"  {'kill -9':<14}{'kills':>6}{'busy':>6}{'in flight':>11}{'served again, s':>17}{'max':>7}"
    ]
    for name in Counter(one.victim for one in found.kills):
        kills = [one for one in found.kills if one.victim == name]
        again = [one.served_after_s for one in kills]
        out.append(
            f"  {name:<14}{len(kills):>6}{sum(one.in_flight > 0 for one in kills):>6}"
            f"{statistics.median(one.in_flight for one in kills):>11g}{statistics.median(again):>17.2f}{max(again):>7.2f}"
        )
    return [*out, ""]


def _of(keys: Sequence[str], n: int) -> str:
    """`0 of 3,000 (< 0.1 % at 95 %)`: the rule of three."""
    bound = f" (< {300 / n:.2g} % at 95 %)" if n and not keys else ""
    return f"{len(keys):,} of {n:,}{bound}"
