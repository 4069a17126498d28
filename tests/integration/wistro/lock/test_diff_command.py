"""`wistro diff` between commits, folders, lock files and the project as it is."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from wistro.cli import run
from wistro.compiler import compile_project
from wistro.lock import file

STEP = """
config = {{"type": "event", "name": "Note", "subscribes": ["stock.changed"],
          "input": {{"type": "object", "required": ["sku"], "properties": {{"sku": {{"type": "{kind}"}}}}}}}}
def handler(message, ctx): ...
"""
SETTINGS = "api: [{path: /stock, method: POST, emits: stock.changed, public: true}]\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A project in a folder of its repository, with two commits: `sku` is a string, then an integer."""
    project = tmp_path / "services" / "stock"
    (project / "src").mkdir(parents=True)
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / ".gitignore").write_text(".wistro\n__pycache__\n")
    (project / "wistro.yml").write_text(SETTINGS)
    for kind in ("string", "integer"):
        (project / "src" / "note.step.py").write_text(STEP.format(kind=kind))
        compiled = compile_project(project)
        assert compiled.lock, compiled.problems
        (project / file.NAME).write_bytes(file.write(compiled.lock))
        git(tmp_path, "add", "-A")
        git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", kind)
    return project


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, timeout=20, capture_output=True)


def test_two_commits_are_compared_in_a_folder_of_a_repository(
    repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["diff", "HEAD~1", "HEAD", "--folder", str(repository)]) == 0

    said = capfd.readouterr()
    assert "step `src/note`, its message: $.sku integer, was string  [breaks]" in said.out
    assert "between HEAD~1 and HEAD" in said.err


def test_a_break_can_be_an_exit_code_and_json(
    repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    asked = ["diff", "HEAD~1", "HEAD", "--folder", str(repository), "--json", "--exit-code"]

    assert run(asked) == 1

    changes = json.loads(capfd.readouterr().out)["changes"]
    assert {"kind", "subject", "text", "path", "breaks"} <= set(changes[0])
    assert [one["path"] for one in changes if one.get("breaks")] == ["$.sku"]


def test_what_is_not_committed_is_compiled_and_compared(
    repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["diff", "--folder", str(repository)]) == 0
    assert "nothing changed between HEAD and the working tree" in capfd.readouterr().err

    (repository / "wistro.yml").write_text(SETTINGS.replace("/stock", "/stocks"))

    assert run(["diff", "--folder", str(repository)]) == 0
    assert "endpoint POST /stocks is new" in capfd.readouterr().out


def test_lock_files_and_folders_are_sides_too(
    repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = str(repository / file.NAME)

    assert run(["diff", str(repository), whole, "--folder", str(repository)]) == 0

    assert "nothing changed" in capfd.readouterr().err


@pytest.mark.parametrize("named", ["no-such-branch", "HEAD~9", "--output=x", "no\x1bsuch"])
def test_a_side_that_is_nothing_is_one_clear_line(
    repository: Path, named: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code = run(["diff", "--folder", str(repository), "--", named, "HEAD"])

    said = capfd.readouterr().err
    assert code == 1 and "diff.unknown" in said and "\x1b" not in said


def test_a_project_that_does_not_compile_says_why_first(
    repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (repository / "src" / "note.step.py").write_text("config = {")

    assert run(["diff", "--folder", str(repository)]) == 1

    assert "does not compile" in capfd.readouterr().err
