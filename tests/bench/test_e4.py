"""E4 in its short form: that it runs and prints what it says. No time is asserted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.timeout(300)
def test_start_and_reload_are_measured_for_every_language() -> None:
    command = [sys.executable, "-m", "bench.e4", "--short"]

    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=280
    )

    assert done.returncode == 0, done.stderr[-3000:]
    rows = {
        line.split("  ")[0]: line.split()[-5:]
        for line in done.stdout.splitlines()
        if "dev (" in line
    }
    assert set(rows) == {f"wistro dev ({one})" for one in ("python", "node", "mixed")}
    assert all(cell.replace(",", "").isdigit() for row in rows.values() for cell in row)
