"""Tasks in a replay: each is answered as it was in the sample, when its turn comes."""

from __future__ import annotations

import asyncio
from typing import Any

from wistro.engine.engine import Engine
from wistro.errors import UserError
from wistro.protocol.records import AttemptRecord
from wistro.replay.compare import Difference
from wistro.replay.script import Script
from wistro.store.tasks import TaskRow


class Unrepeatable(Exception):
    """A task that ended in a way that a replay cannot repeat."""


class Answering:
    """Until it is cancelled. `refused` is the first answer that the project does not take any more."""

    def __init__(self, engine: Engine, script: Script, opened: asyncio.Queue[TaskRow]) -> None:
        self._engine = engine
        self._script = script
        self._opened = opened
        self.refused: Difference | None = None

    async def run(self) -> None:
        """Raises Unrepeatable."""
        answers: set[asyncio.Task[None]] = set()
        opened = asyncio.ensure_future(self._opened.get())
        try:
            while True:
                done, _ = await asyncio.wait(
                    {opened, *answers}, return_when=asyncio.FIRST_COMPLETED
                )
                for one in done & answers:
                    answers.discard(one)
                    one.result()
                if opened in done:
                    answers.add(asyncio.ensure_future(self._answer(opened.result())))
                    opened = asyncio.ensure_future(self._opened.get())
        finally:
            for one in (opened, *answers):
                one.cancel()
            await asyncio.gather(opened, *answers, return_exceptions=True)

    async def _answer(self, task: TaskRow) -> None:
        sampled = await self._script.turn(task.step, task.task_id, task.attempt_id)
        if sampled is None or sampled.outcome != "done":
            await self._engine.cancel(task.run_id)  # as far as the sample goes
            return
        given: dict[str, Any] = sampled.answer or {}
        if given.get("answer") is None:
            raise Unrepeatable(f"`{task.step}` passed its message on when its time was over")
        try:
            await self._engine.answer_task(
                task.task_id, given["answer"], _form(sampled), by=given.get("by")
            )
        except UserError as error:
            why = f"was not answered: {error.message}"
            self.refused = Difference(task.step, task.topic, "run", why, "$")
            await self._engine.cancel(task.run_id)


def _form(sampled: AttemptRecord) -> Any:
    return sampled.emits[0].data if sampled.emits else {}
