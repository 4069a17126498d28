from __future__ import annotations

from pathlib import Path

import pytest

from runner.builder.compile import CompileProblems, _Answer, _judge
from runner.builder.problems import LockDiffers, StateOfOnesOwn
from wistro.errors import UserError
from wistro.lock import file
from wistro.lock.model import LOCK, Lock, LockedState
from wistro.protocol.machine import Problem


def a_lock() -> str:
    return file.write(Lock(LOCK, "", egress=["db.example.com:5432"])).decode()


def an_answer(**more) -> _Answer:
    fields = {"problems": [], "warnings": [], "committed": True, "changes": [], "lock": a_lock()}
    return _Answer(**fields | more)


def test_a_lock_that_was_absent_is_written(tmp_path: Path) -> None:
    said: list[str] = []

    _judge(an_answer(committed=False, changes=["new lock with 0 steps"]), tmp_path, said.append)

    assert (tmp_path / file.NAME).read_text() == a_lock()
    assert said


def test_a_lock_that_differs_fails_with_the_difference(tmp_path: Path) -> None:
    said: list[str] = []
    answer = an_answer(changes=["step `a` is new", "step `b` is gone"], diff=["-b", "+a"])

    with pytest.raises(LockDiffers, match="step `a` is new and 1 more"):
        _judge(answer, tmp_path, said.append)

    assert said == ["-b", "+a"]


def test_state_of_ones_own_is_not_for_the_fleet(tmp_path: Path) -> None:
    lock = file.parse(a_lock().encode())
    lock.state = LockedState("files")

    with pytest.raises(StateOfOnesOwn, match="adapter: files"):
        _judge(an_answer(lock=file.write(lock).decode()), tmp_path, print)


def test_problems_are_passed_on_as_they_were_said(tmp_path: Path) -> None:
    problem = Problem("lock.unknown-topic", "nobody emits it", where="src/a.step.py:3")

    with pytest.raises(CompileProblems) as caught:
        _judge(an_answer(problems=[problem], lock=None), tmp_path, print)

    assert caught.value.problems == [problem]


def test_a_lock_that_the_sandbox_made_up_is_not_believed(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="digest"):
        _judge(an_answer(lock=a_lock().replace("db.", "my.")), tmp_path, print)


def test_a_link_in_the_locks_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / file.NAME).symlink_to("elsewhere")

    _judge(an_answer(committed=False), tmp_path, lambda _: None)

    assert (tmp_path / "elsewhere").read_text() == "mine"
