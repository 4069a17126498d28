"""How much memory a process has for itself: its own pages, and its part of those that it shares (PSS)."""

from __future__ import annotations

import os
import time
from pathlib import Path

SETTLED_WITHIN = 0.01
LOOK_EVERY_S = 1.0
LOOKS = 20


class NotReadable(SystemExit):
    """This system does not say."""


def pss_mb(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError as error:
        raise NotReadable(f"memory is read from /proc/<pid>/smaps_rollup: {error}") from error
    (kib,) = [line.split()[1] for line in text.splitlines() if line.startswith("Pss:")]
    return int(kib) / 1024


def children(pid: int) -> list[int]:
    """All that it started, and what those started."""
    direct: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        direct += [int(one) for one in (task / "children").read_text().split()]
    return [*direct, *(one for child in direct for one in children(child))]


def settled(pid: int) -> tuple[float, list[float]]:
    """Of a process and of each of its children, once two looks a second apart agree."""
    before = -1.0
    for _ in range(LOOKS):
        own, others = pss_mb(pid), [pss_mb(one) for one in children(pid)]
        total = own + sum(others)
        if abs(total - before) < SETTLED_WITHIN * total:
            return own, others
        before = total
        time.sleep(LOOK_EVERY_S)
    raise SystemExit(f"the memory of {pid} goes on changing after {LOOKS * LOOK_EVERY_S:g} s")


def own_pss_mb() -> float:
    return pss_mb(os.getpid())
