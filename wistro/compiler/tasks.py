"""A No-Op step's `task`: what it waits for, how it may be answered, and what each answer emits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wistro.compiler import problems, values
from wistro.compiler.settings import schema
from wistro.errors import UserError
from wistro.lock.model import Task, TaskAnswer
from wistro.schemas import Schema
from wistro.schemas.filling import filled, misfit

if TYPE_CHECKING:
    from wistro.compiler.config import Candidate
    from wistro.compiler.meet import Topic

_ANSWER = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
AS_TASK = "As in task: {answers: {approve: {emits: order.approved, form: Approval}}}."
MOST_ANSWERS = 20


@dataclass(frozen=True)
class TaskEmit:
    topic: str
    where: str
    schema: Schema | None


def read_task(given: Any, *, where: Callable[..., str]) -> tuple[Task, dict[str, Schema]]:
    """The task, and its answers' forms in normal form. `where` finds the line of a key within the config."""
    task = _mapping(given, "task", where("task"))
    _known(task, {"assignee", "timeout", "onTimeout", "answers"}, "`task`", where, "task")
    answers = _mapping(task.get("answers"), "task.answers", where("task", "answers"))
    if not 0 < len(answers) <= MOST_ANSWERS:
        raise problems.BadConfig(
            f"`task.answers` has {len(answers)} answers, not 1 to {MOST_ANSWERS}",
            hint=AS_TASK,
            where=where("task", "answers"),
        )
    forms: dict[str, Schema] = {}
    found = Task(answers={name: _answer(name, answers[name], forms, where) for name in answers})
    if task.get("assignee") is not None:
        at = where("task", "assignee")
        found.assignee = values.text(task["assignee"], "task.assignee", at)
    _read_timeout(task, found, where)
    return found, forms


def _answer(
    name: str, given: Any, forms: dict[str, Schema], where: Callable[..., str]
) -> TaskAnswer:
    at = where("task", "answers", name)
    if not _ANSWER.fullmatch(name):
        raise problems.BadConfig(
            f"`{name}` is no name of an answer",
            hint="A letter, then at most 39 letters, digits, underscores and hyphens: approve.",
            where=at,
        )
    answer = _mapping(given, f"task.answers.{name}", at)
    _known(answer, {"emits", "form"}, f"the answer `{name}`", where, "task", "answers", name)
    if answer.get("form") is not None:
        forms[name] = schema(answer["form"], f"form of {name}", at)
    return TaskAnswer(values.topic(answer.get("emits"), f"task.answers.{name}.emits", at))


def _read_timeout(task: Mapping[str, Any], found: Task, where: Callable[..., str]) -> None:
    timeout, on_timeout = task.get("timeout"), task.get("onTimeout")
    if (timeout is None) != (on_timeout is None):
        present, absent = (
            ("timeout", "onTimeout") if on_timeout is None else ("onTimeout", "timeout")
        )
        raise problems.BadConfig(
            f"`task.{present}` stands without `task.{absent}`",
            hint="`timeout` says how long it waits, `onTimeout` which answer or topic follows then.",
            where=where("task", present),
        )
    if timeout is None:
        return
    at = where("task", "timeout")
    found.timeout = values.duration(timeout, "task.timeout", at, least_s=0.001)
    found.on_timeout = values.topic(on_timeout, "task.onTimeout", where("task", "onTimeout"))


def _mapping(given: Any, key: str, where: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise problems.BadConfig(
            f"`{key}` is a mapping, not {values.shown(given)}", hint=AS_TASK, where=where
        )
    return given


def _known(
    given: Mapping[str, Any], known: set[str], of: str, where: Callable[..., str], *at: str
) -> None:
    lines = {key: where(*at, key) for key in given}
    if wrong := problems.check_keys(given, known=known, not_yet=set(), of=of, where=lines):
        raise wrong[0]


def topics_of(task: Task) -> list[str]:
    """Every topic that the task may emit on, each once."""
    named = [one.emits for one in task.answers.values()]
    if task.on_timeout is not None and task.on_timeout not in task.answers:
        named.append(task.on_timeout)
    return sorted(set(named))


def emitters(step: Candidate) -> list[TaskEmit]:
    """What its answers and its timeout emit: a form each; the message it waited with."""
    task = step.config.task
    if task is None:
        return []
    found = [
        TaskEmit(one.emits, step.source.where("task", "answers", name), step.forms.get(name))
        for name, one in task.answers.items()
    ]
    if task.on_timeout is not None and task.on_timeout not in task.answers:
        where = step.source.where("task", "onTimeout")
        found.append(TaskEmit(task.on_timeout, where, step.input))
    return found


def check(steps: Iterable[Candidate], topics: Mapping[str, Topic]) -> list[UserError]:
    """An answer that follows a timeout is filled by nobody: its form's defaults must do."""
    wrong: list[UserError] = []
    for step in steps:
        task = step.config.task
        if task is None or task.on_timeout not in task.answers:
            continue
        name = task.on_timeout
        topic = topics.get(task.answers[name].emits)
        for one in (step.forms.get(name), topic.schema if topic else None):
            if one is not None and (found := misfit(one, filled(step.forms.get(name) or one))):
                path, what = found
                wrong.append(
                    problems.UnfilledForm(
                        f"`onTimeout: {name}` of `{step.step.id}`: its form's defaults do not fit"
                        f" at {path or 'its top'}: {what}",
                        where=step.source.where("task", "onTimeout"),
                    )
                )
                break
    return wrong
