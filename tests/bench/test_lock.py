"""The measurement of `wistro lock` in its short form: that it runs and prints what it says. No time is asserted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.timeout(240)
def test_lock_is_measured_cold_unchanged_and_after_a_change_in_each_language() -> None:
    command = [sys.executable, "-m", "bench.lock", "--short"]

    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=220
    )

    assert done.returncode == 0, done.stderr[-3000:]
    (row,) = [line.split() for line in done.stdout.splitlines() if line.startswith("wistro lock")]
    assert len(row) == 2 + 2 + 4
    assert all(float(cell) > 0 for cell in row[2:])
