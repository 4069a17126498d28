from __future__ import annotations

import py_compile
from pathlib import Path

from wistro.compiler import Compiled
from wistro.dev.project import Project, forget_bytecode
from wistro.errors import NotYet
from wistro.lock.model import Lock, Variable


def a_project(root: Path, *answers: Compiled) -> Project:
    """Each compilation comes to the next of these."""
    left = list(answers)
    return Project(root, compile=lambda _: left.pop(0))


def a_lock(digest: str = "sha256:1", **more) -> Lock:
    return Lock(lock=1, digest=digest, **more)


async def test_what_compiled_last_is_kept_while_there_are_problems(tmp_path: Path) -> None:
    good, problem = a_lock(), NotYet("`x` is not built yet")
    project = a_project(tmp_path, Compiled(good), Compiled(None, [problem]), Compiled(good))

    first = await project.bring()
    second = await project.bring()
    meanwhile = (project.lock, project.problems)
    third = await project.bring()

    assert first.built is not None and third.built is not None and second.built is None
    assert meanwhile == (good, [problem])
    assert project.problems == []


async def test_an_env_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("nonsense\n")
    project = a_project(tmp_path, Compiled(a_lock(env=[Variable("A")])))

    brought = await project.bring()

    assert brought.built is None
    assert [one.code for one in brought.problems] == ["env.unreadable"]


def test_bytecode_of_what_changed_is_forgotten_and_no_other(tmp_path: Path) -> None:
    """An edit of the same second and size would not be seen: its old bytecode counts as current."""
    for name in ("words.py", "words.more.py", "others.py"):
        (tmp_path / name).write_text("WORD = 'OLD'")
        py_compile.compile(str(tmp_path / name), doraise=True)

    forget_bytecode(tmp_path, {"words.py", "gone.py", "wistro.yml"})

    kept = {one.name.split(".cpython")[0] for one in (tmp_path / "__pycache__").iterdir()}
    assert kept == {"words.more", "others"}
