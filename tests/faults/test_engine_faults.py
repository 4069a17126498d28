"""Every fault of the engine, briefly; `python -m tests.faults engine --long` is the long form of all, with its table."""

from __future__ import annotations

import pytest

from tests.faults.engine_table import FAULTS
from tests.faults.rows import Row, lines

ON_POSTGRES = ("several", "postgres")  # test_several.py


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in ON_POSTGRES])
async def test_nothing_is_lost_and_nothing_counts_twice(tmp_path, seed: int, name: str) -> None:
    suffer, times, _ = FAULTS[name]

    row = await suffer(tmp_path, times=times, seed=seed)

    if row.skipped:
        pytest.skip(row.skipped)
    assert row.problems == []
    assert row.times >= times
    assert row.acknowledged > 0


def test_a_row_that_was_skipped_says_why_and_counts_nothing() -> None:
    done = Row("power cut", times=3, busy=3, attempted=12, acknowledged=10)
    skipped = Row("disk full", skipped="mounting is root's")

    told = "\n".join(lines([done, skipped]))

    assert "skipped: mounting is root's" in told
    assert "acknowledged runs lost   0 of 10 (< 30 % at 95 %)" in told
