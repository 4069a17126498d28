"""What is counted as broken, each by the smallest log and outcomes that break it."""

from __future__ import annotations

import pytest

from tests.faults.killer import Kill
from tests.faults.ledger import Ledger, Log, read
from tests.faults.table import Outcomes, lines, verdict

WHOLE = {"taken": {"k": 1}, "finished": {"k": 1}}
ACKNOWLEDGED = Log({"k"}, {"k": "run_1"})
DONE = frozenset({"run_1"})


def test_what_is_delivered_once_and_recorded_breaks_nothing() -> None:
    found = verdict(ACKNOWLEDGED, Outcomes(WHOLE, DONE), kills=[Kill("engine", 1, 0.1)])

    assert found.problems() == []
    assert "acknowledged runs lost                    0 of 1 (< 3e+02 % at 95 %)" in str(
        lines(found)
    )


@pytest.mark.parametrize(
    ("log", "outcomes", "problem"),
    [
        (ACKNOWLEDGED, Outcomes({"taken": {"k": 1}, "finished": {}}, DONE), "1 lost: k"),
        (ACKNOWLEDGED, Outcomes(WHOLE), "1 unrecorded: k"),
        (ACKNOWLEDGED, Outcomes({**WHOLE, "finished": {"k": 2}}, DONE), "1 duplicated: k"),
        (ACKNOWLEDGED, Outcomes(WHOLE, DONE, ["run_1 take"]), "1 duplicated: run_1 take"),
        (
            Log({"k", "t"}, {"k": "run_1"}),
            Outcomes({"taken": {"k": 1, "t": 1}, "finished": {"k": 1}}, DONE),
            "1 torn: t",
        ),
        (
            ACKNOWLEDGED,
            Outcomes({"taken": {"k": 1, "u": 1}, "finished": {"k": 1, "u": 1}}, DONE),
            "1 unexpected: u",
        ),
        (Log({"k"}, {"k": "run_1"}, changed=["k"]), Outcomes(WHOLE, DONE), "1 changed answers: k"),
        (
            Log({"k"}, {"k": "run_1"}, refused=["k: 500"]),
            Outcomes(WHOLE, DONE),
            "1 refused: k: 500",
        ),
        (Log({"k"}), Outcomes(WHOLE), "nothing was acknowledged"),
    ],
)
def test_each_broken_promise_is_named(log: Log, outcomes: Outcomes, problem: str) -> None:
    assert problem in verdict(log, outcomes).problems()


def test_kills_that_met_no_calls_show_nothing() -> None:
    idle = [Kill("engine", 0, 0.1), Kill("engine", 4, 0.1)]

    found = verdict(ACKNOWLEDGED, Outcomes(WHOLE, DONE), kills=idle)

    assert found.problems() == ["only 1 of 2 kills met calls in flight"]


def test_what_nobody_was_told_of_and_is_delivered_is_recovered() -> None:
    found = verdict(Log({"k"}), Outcomes(WHOLE, DONE))

    assert (found.recovered, found.lost, found.unexpected) == (["k"], [], [])


async def test_a_ledger_is_read_back_as_it_was_written(tmp_path) -> None:
    async with Ledger(tmp_path / "log") as ledger:
        await ledger.attempted("k")
        await ledger.acknowledged("k", run_id="run_1")
        await ledger.acknowledged("k", run_id="run_2")
        await ledger.refused("j", status=500)

    assert read(tmp_path / "log") == Log({"k"}, {"k": "run_1"}, ["k"], ["j: 500"])
