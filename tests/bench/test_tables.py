"""E1, E2, E3, E5, E6, H2, S1 and the profile in their short forms: that they run and print a number for each system. No time is asserted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ENGINES = {f"{kind} ({steps})" for kind, steps in (
    ("bare", "python"), ("bare", "node"), ("wistro", "python"), ("wistro", "node"), ("wistro", "go"), ("wistro", "mixed"),
)}  # fmt: skip
STORES = {f"{kind} ({store})" for kind in ("bare", "wistro") for store in ("sqlite", "postgres")}
SYNCED = {"fsync on (python)", "fsync off (python)"}
MEMORY = {"bare (python)", "wistro (python)"}
GROWTH = {"0 waiting, 10 steps", "200 waiting, 30 steps"}
LINE = {"in the Hub's table", "in the open page"}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("name", "systems", "columns"),
    [
        ("e1", ENGINES, 5), ("e2", ENGINES, 5), ("e3", SYNCED, 4), ("e5", MEMORY, 4), ("e6", GROWTH, 6),
        ("h2", LINE, 4), ("profile", {"all else"}, 1), ("s1", STORES, 4),
    ],
)  # fmt: skip
def test_a_benchmark_prints_a_number_for_each_system(
    name: str, systems: set[str], columns: int
) -> None:
    command = [sys.executable, "-m", f"bench.{name}", "--short"]

    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=280
    )

    assert done.returncode == 0, done.stderr[-3000:]
    rows = {
        cells[0]: [float(cell.replace(",", "").rstrip("%x")) for cell in cells[1:]]
        for line in done.stdout.splitlines()
        if (cells := re.split(r"\s{2,}", line.strip()))[0] in systems
    }
    assert set(rows) == systems, done.stdout
    assert {len(row) for row in rows.values()} == {columns}
    assert all(row[0] > 0 for row in rows.values())
