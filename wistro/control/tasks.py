"""Tasks, as a command lists and answers them."""

from __future__ import annotations

from typing import Any

import msgspec

from wistro.control import reading
from wistro.control.asked import NothingSuch, Project, Query, decoded
from wistro.engine.task_errors import UnknownTask
from wistro.engine.task_views import task_view
from wistro.protocol.ids import read as read_id
from wistro.protocol.operating import Link, TaskPage, TaskView
from wistro.store.tasks import OPEN, TaskFilter, TaskRow

ALL = "all"  # of `state`


class Answered(msgspec.Struct):
    answer: str
    form: Any = None
    by: str | None = None


class TaskAnswers:
    def __init__(self, project: Project) -> None:
        self._project = project

    async def read(self, rest: str, query: Query, body: bytes) -> TaskPage | TaskView:
        if rest:
            return await self._one(str(read_id("task", rest)))
        limit = reading.limit(query, 50)
        state = query.get("state") or OPEN
        wanted = TaskFilter(
            state=None if state == ALL else state,
            assignee=query.get("assignee"),
            step=query.get("step"),
            run_id=str(read_id("run", query["run"])) if query.get("run") else None,
            before=str(read_id("task", query["before"])) if query.get("before") else None,
            limit=limit + 1,
        )
        found = await self._listed(wanted)
        return TaskPage(found[:limit], found[limit - 1].id if len(found) > limit else None)

    async def change(self, rest: str, query: Query, body: bytes) -> TaskView | Link:
        id, _, verb = rest.partition("/")
        engine, task_id = self._project.running, str(read_id("task", id))
        if verb == "answer":
            given = decoded(body, Answered)
            return await engine.answer_task(
                task_id, given.answer, given.form, by=given.by, how="cli"
            )
        if verb == "link":
            address = self._project.view().endpoints if self._project.view else ""
            return Link(address.rstrip("/") + await engine.task_link(task_id))
        raise NothingSuch(f"there is no tasks/{rest}")

    async def _listed(self, wanted: TaskFilter) -> list[TaskView]:
        if self._project.engine is not None:
            return await self._project.engine.tasks(wanted)
        rows = await self._project.store.tasks(wanted) if self._project.store else []
        return [self._view(one) for one in rows]

    async def _one(self, task_id: str) -> TaskView:
        if self._project.engine is not None:
            return await self._project.engine.task(task_id)
        row = await self._project.store.task(task_id) if self._project.store else None
        if row is None:
            raise UnknownTask("no task has this id")
        return self._view(row)

    def _view(self, row: TaskRow) -> TaskView:
        """Where no engine runs, the lock names the step."""
        lock = self._project.lock()
        step = lock.steps.get(row.step) if lock else None
        return task_view(row, config=step.config if step else None)
