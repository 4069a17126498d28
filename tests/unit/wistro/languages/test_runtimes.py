"""Which program runs a project's steps."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from wistro.languages.runtimes import NotInstalled, find_node, find_python, matches

OURS = ".".join(map(str, sys.version_info[:2]))


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o755)
    return path


@pytest.mark.parametrize(
    ("wanted", "actual", "is_match"),
    [
        ("3.12", "3.12.4", True),
        ("3.12.4", "3.12.4", True),
        ("3.1", "3.12.4", False),
        ("20", "v20.11.0", True),
        ("v20", "20.11.0", True),
        ("2", "20.11.0", False),
        ("3.12.5", "3.12", False),
        ("3.12", "", False),
    ],
)
def test_version_matches_by_its_parts(wanted: str, actual: str, is_match: bool) -> None:
    assert matches(wanted, actual) is is_match


def test_project_without_a_venv_runs_in_our_python(tmp_path: Path) -> None:
    assert find_python(tmp_path, None, "") == Path(sys.executable)


def test_projects_own_venv_comes_first(tmp_path: Path) -> None:
    own = program(tmp_path / ".venv/bin/python")

    assert find_python(tmp_path, None, "") == own


def test_venv_of_another_version_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / ".venv/bin/python")
    (tmp_path / ".venv/pyvenv.cfg").write_text("version = 2.7.18\n")

    assert find_python(tmp_path, OURS, "") == Path(sys.executable)


def test_venv_of_the_version_asked_for_is_taken(tmp_path: Path) -> None:
    own = program(tmp_path / ".venv/bin/python")
    (tmp_path / ".venv/pyvenv.cfg").write_text("home = /x\nversion_info = 2.7.18\n")

    assert find_python(tmp_path, "2.7", "") == own


def test_version_is_looked_for_on_the_path(tmp_path: Path) -> None:
    found = program(tmp_path / "bin/python2.7")

    assert find_python(tmp_path, "2.7.18", str(tmp_path / "bin")) == found


def test_version_that_is_nowhere_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotInstalled, match=r"Python 2\.7 .* is not installed"):
        find_python(tmp_path, "2.7", "")


def test_node_comes_from_the_path(tmp_path: Path) -> None:
    found = program(tmp_path / "bin/node")

    assert find_node(tmp_path, "20", str(tmp_path / "bin")) == found


def test_node_that_is_nowhere_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotInstalled, match="Node 20"):
        find_node(tmp_path, "20", "")
