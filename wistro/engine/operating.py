"""What people do to an engine that runs: answer tasks, cancel, redrive, take back, replay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wistro.engine.answers import Unavailable
from wistro.engine.dead_letters import DeadFilter, DeadLetters, Redrives
from wistro.engine.delayed import Delayed, Waiting
from wistro.engine.loaded import UnknownDeployment
from wistro.engine.replaying import Replayed, Replaying, call_of, roots
from wistro.engine.tasks import Tasks
from wistro.protocol.operating import TaskView
from wistro.protocol.records import AttemptRecord
from wistro.store.port import StoreBroken, StoreFull
from wistro.store.tasks import TaskFilter, TaskRow
from wistro.triggers.port import EndpointAnswer, EndpointCall
from wistro.triggers.tasks import TASKS

if TYPE_CHECKING:
    from wistro.engine.cancelling import Cancelling
    from wistro.engine.emitting import Loaded
    from wistro.engine.parts import Parts


class Operating:
    """The part of `Engine` that is a person's."""

    _parts: Parts
    _tasks: Tasks
    _cancelling: Cancelling
    _dead_letters: DeadLetters
    _delayed: Delayed
    _replaying: Replaying
    _primary: str | None

    def _find(self, deployment_id: str | None) -> Loaded | None:
        raise NotImplementedError

    async def call(self, call: EndpointCall) -> EndpointAnswer:
        raise NotImplementedError

    # Tasks

    async def tasks(self, wanted: TaskFilter) -> list[TaskView]:
        return [self._tasks.view(one) for one in await self._tasks.list(wanted)]

    async def task(self, task_id: str) -> TaskView:
        return self._tasks.view(await self._tasks.get(task_id))

    async def answer_task(
        self, task_id: str, answer: str, form: Any, *, by: str | None = None, how: str = "api"
    ) -> TaskView:
        """End it with one of its answers: what that emits is on disk then. Of several answers one wins."""
        return self._tasks.view(await self._tasks.answer(task_id, answer, form, by=by, how=how))

    async def task_link(self, task_id: str) -> str:
        """A new link's path: whoever has it may answer. It is told once, its token's hash is kept."""
        return TASKS + await self._tasks.link(task_id)

    async def task_behind(self, token: str) -> TaskView:
        return self._tasks.view(await self._behind(token))

    async def answer_behind(
        self, token: str, answer: str, form: Any, *, by: str | None
    ) -> TaskView:
        kept = await self._behind(token)
        return await self.answer_task(kept.task_id, answer, form, by=by, how="link")

    async def _behind(self, token: str) -> TaskRow:
        try:
            return await self._tasks.behind(token)
        except (StoreFull, StoreBroken) as error:  # also a store that is away
            raise Unavailable("the store does not answer") from error

    # Runs and dead letters

    async def cancel(self, run_id: str) -> None:
        """End a live run: what of it waits is dropped, what runs is told to stop and counts for nothing."""
        await self._cancelling.cancel(run_id)

    async def redrive(self, delivery_id: str, *, deployment_id: str | None = None) -> str:
        """Give a dead letter another chance under its own id; returns its run's id, which lives again."""
        return await self._dead_letters.redrive(delivery_id, deployment_id=deployment_id)

    async def redrive_many(
        self, wanted: DeadFilter, *, deployment_id: str | None = None
    ) -> Redrives:
        """Each dead letter that fits, oldest first; one that is refused keeps no other."""
        return await self._dead_letters.redrive_many(wanted, deployment_id=deployment_id)

    async def delete_dead(self, delivery_id: str) -> None:
        """Give a dead letter up for ever; a lane that it blocks goes on."""
        await self._dead_letters.delete(delivery_id)

    async def list_delayed(
        self, *, limit: int = 100, after: tuple[int, int] | None = None
    ) -> list[Waiting]:
        """What is due later, soonest first; `after` is the `cursor` of the last one seen."""
        return await self._delayed.list(limit=limit, after=after)

    async def cancel_delivery(self, delivery_id: str) -> None:
        """Take back one message that waits; one that runs is refused."""
        await self._delayed.cancel(delivery_id)

    async def replay(
        self,
        run_id: str,
        attempts: list[AttemptRecord],
        *,
        from_step: str | None = None,
        deployment_id: str | None = None,
    ) -> Replayed:
        """A new run that does `run_id` once more: from its start, or with what `from_step` was given.

        `attempts` are the run's, as they are recorded. Raises NothingToReplay, UnknownDeployment.
        """
        loaded = self._find(deployment_id or self._primary)
        if loaded is None:
            raise UnknownDeployment("no deployment is loaded that could replay it")
        if from_step is None:
            new = self._parts.ids.new()
            call = call_of(attempts, run_id=new, replays=run_id, deployment_id=loaded.deployment.id)
            if call is not None:
                return Replayed(new, (await self.call(call)).status)
        begins = roots(attempts, from_step=from_step)
        return Replayed(await self._replaying.start(begins, replays=run_id, loaded=loaded))
