"""`make shown` never says shown of what was not run, or is gone."""

from infra.claims import LINES, Line
from infra.shown import key, state_of


def test_every_number_of_the_issues_has_a_line():
    wanted = {f"2.{number}" for number in range(1, 9)} | {f"3.{number}" for number in range(1, 7)}

    assert {line.number for line in LINES if "." in line.number} == wanted


def test_each_claim_is_said_once():
    assert len({key(line) for line in LINES}) == len(LINES)


def test_every_test_and_command_that_is_named_is_there():
    assert [path for line in LINES for path in line.missing()] == []


def test_a_line_without_its_test_is_not_yet_whatever_was_recorded():
    line = Line("1", "it works", ("tests/nowhere/test_it.py",))

    assert state_of(line, {key(line): {"state": "shown"}}) == "not yet"


def test_a_line_that_was_not_run_is_not_yet():
    line = Line("1", "it works", ("tests/unit/infra/test_shown.py",))

    assert state_of(line, {}) == "not yet"
    assert state_of(line, {key(line): {"state": "failed"}}) == "failed"
