"""`make check` counts rightly and cannot pass over a failure."""

import sys

import pytest

from infra import check
from infra.check import Outcome, Stage


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "ROOT", tmp_path)
    monkeypatch.setattr(check, "RESULTS", tmp_path / "results")
    (tmp_path / "results").mkdir()
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = long: long form\n")
    (tmp_path / "tests").mkdir()
    return tmp_path / "tests"


def test_a_folder_without_tests_is_none_yet(folder):
    assert check.pytest("tests")() == Outcome(note="none yet")


def test_a_failing_test_is_counted_beside_passing_ones(folder):
    (folder / "test_it.py").write_text("def test_a(): pass\ndef test_b(): assert False\n")

    outcome = check.pytest("tests")()

    assert (outcome.passed, outcome.failed) == (1, 1)


def test_a_file_that_cannot_be_read_is_a_failure(folder):
    (folder / "test_it.py").write_text("import nothing_of_that_name\n")

    assert check.pytest("tests")().failed == 1


def test_a_run_that_breaks_off_is_a_failure(folder):
    (folder / "test_it.py").write_text("import os\ndef test_a(): os._exit(0)\n")

    assert check.pytest("tests")() == Outcome(failed=1, note="broke off")


def test_long_forms_are_left_to_their_own_commands(folder):
    (folder / "test_it.py").write_text(
        "import pytest\n@pytest.mark.long\ndef test_a(): assert False\n"
    )

    assert check.pytest("tests")().note == "none yet"


def test_stages_go_on_after_a_failure_and_the_whole_fails(monkeypatch, capsys, folder):
    stages = [
        Stage("first", check.tool(sys.executable, "-c", "raise SystemExit(1)", cwd=folder)),
        Stage("second", lambda: Outcome(passed=7)),
    ]

    code = check.check(stages)

    assert code == 1
    assert capsys.readouterr().out.endswith("\n7 passed, 1 failed\n")
