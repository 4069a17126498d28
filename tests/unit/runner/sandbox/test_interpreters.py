from __future__ import annotations

from pathlib import Path

from runner.sandbox.interpreters import folders


def an_installation(root: Path) -> Path:
    (root / "bin").mkdir(parents=True)
    (root / "lib").mkdir()
    (root / "bin/python3.12").write_text("")
    (root / "bin/python3").symlink_to("python3.12")
    return root / "bin/python3"


def test_a_virtual_environment_needs_itself_and_the_installation_that_it_was_made_from(
    tmp_path: Path,
) -> None:
    base = an_installation(tmp_path / "python")
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin/python").symlink_to(base)
    (venv / "pyvenv.cfg").write_text(f"home = {base.parent}\nversion = 3.12.1\n")

    assert set(folders(venv / "bin/python")) == {venv, tmp_path / "python"}


def test_a_program_of_the_system_needs_nothing_more() -> None:
    assert folders(Path("/usr/bin/env")) == ()


def test_a_program_outside_an_installation_is_shown_alone(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/run").write_text("")

    assert folders(tmp_path / "tools/run") == (tmp_path / "tools/run",)


def test_a_program_in_a_home_folder_does_not_show_the_whole_of_it(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "ada"))
    program = an_installation(tmp_path / "ada").resolve()

    assert folders(program) == (program,)
