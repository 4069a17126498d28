"""One environment on this machine: what the Hub wants of it, what is fetched, what its engine says, its records."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from runner.agent.cache import BadBundle, Cache
from runner.agent.control import Load, Orders, Report, Status
from runner.agent.keeper import Keeper
from runner.hub import Hub, HubGone, HubRefused, NoPoolToken, backoff_s
from runner.shipping.shipper import Shipper
from wistro.errors import UserError
from wistro.protocol.machine import (
    AssignedDeployment,
    Assignment,
    DeploymentHealth,
    EnvironmentHealth,
)

log = logging.getLogger("runner.agent")


class StoreElsewhere(UserError):
    """The environment's store is named by a URL, and this release's engines keep theirs on disk."""

    code = "agent.store"
    hint = "Take the store's URL from the environment; its data then lies on one machine."


@dataclass(frozen=True)
class Place:
    """What all environments of an agent share."""

    data: Path
    run: Path
    cache: Cache
    hub: Hub
    jitter: random.Random


@dataclass
class _Wanted:
    """A deployment of the assignment. `root` once it is fetched, `error` when it cannot be."""

    assigned: AssignedDeployment
    root: Path | None = None
    error: str | None = None
    fetching: asyncio.Task[None] | None = None


class HostedEnvironment:
    def __init__(
        self, assignment: Assignment, place: Place, *, on_change: Callable[[], None]
    ) -> None:
        self.environment_id = assignment.environment_id
        self._place = place
        self._on_change = on_change
        self._assignment = assignment
        self._wanted: dict[str, _Wanted] = {}
        self._statuses: dict[str, Status] = {}
        self._number = 0
        self._serial = asyncio.Lock()
        folder = place.data / "environments" / assignment.environment_id
        self._keeper = Keeper(
            self.environment_id,
            data=folder,
            run=place.run,
            on_report=self._take_report,
            on_change=on_change,
            jitter=place.jitter,
        )
        self.shipper = Shipper(
            self.environment_id,
            folder / "spool",
            hub=place.hub,
            fence=lambda: self._assignment.fence,
            jitter=place.jitter,
        )
        self._tasks = [
            asyncio.create_task(self._keeper.run()),
            asyncio.create_task(self.shipper.run()),
        ]
        for task in self._tasks:
            task.add_done_callback(self._ended)

    @property
    def bundles(self) -> set[str]:
        return {one.assigned.bundle for one in self._wanted.values()}

    async def assign(self, assignment: Assignment) -> None:
        """Run this from now on: at once what is on disk, the rest as it comes."""
        self._assignment = assignment
        wanted = {one.deployment_id: one for one in assignment.deployments}
        for id in [id for id in self._wanted if id not in wanted]:
            self._forget(id)
        for id, assigned in wanted.items():
            known = self._wanted.get(id)
            if known is not None and known.assigned.bundle == assigned.bundle:
                known.assigned = assigned
                if known.error and known.fetching is None:
                    self._fetch(known)
            else:
                self._forget(id)
                self._wanted[id] = _Wanted(assigned, root=self._place.cache.here(assigned.bundle))
                self._fetch(self._wanted[id])
        await self._order()

    def health(self) -> EnvironmentHealth:
        deployments = [self._health(one) for one in self._wanted.values()]
        return EnvironmentHealth(self.environment_id, self._assignment.fence, deployments)

    async def leave(self) -> None:
        """Stop tending it and leave its engine to the next agent."""
        for one in self._wanted.values():
            if one.fetching is not None:
                one.fetching.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._keeper.let_go()

    async def end(self) -> None:
        """It is another machine's now: its engine drains and stops."""
        await self._keeper.end()
        await self.leave()

    # What is fetched

    def _fetch(self, wanted: _Wanted) -> None:
        if wanted.assigned.want == "stop" or wanted.root is not None or wanted.fetching is not None:
            return
        wanted.error = None
        wanted.fetching = asyncio.create_task(self._fetched(wanted))

    async def _fetched(self, wanted: _Wanted) -> None:
        id, waits = wanted.assigned.deployment_id, backoff_s(cap_s=10.0, jitter=self._place.jitter)
        while wanted.root is None and wanted.error is None:
            try:
                wanted.root = await self._place.cache.version(
                    wanted.assigned.bundle, self._place.hub
                )
            except BadBundle as error:
                wanted.error = f"{error.message} ({error.code}). {error.hint}"
                log.error("deployment %s: %s", id, wanted.error)
            except (HubGone, HubRefused, NoPoolToken, OSError) as error:
                log.warning("deployment %s is not fetched yet: %s", id, error)
                await asyncio.sleep(next(waits))
        wanted.fetching = None
        await self._order()

    def _forget(self, id: str) -> None:
        known = self._wanted.pop(id, None)
        if known is not None and known.fetching is not None:
            known.fetching.cancel()

    # What the engine is told, and says

    async def _order(self) -> None:
        async with self._serial:
            self._number += 1
            loads = [load for one in self._wanted.values() if (load := self._load(one)) is not None]
            await self._keeper.order(
                Orders(
                    self._number,
                    self._assignment.fence,
                    self._assignment.key,
                    loads,
                    self._assignment.primary,
                )
            )
        self._on_change()

    def _load(self, wanted: _Wanted) -> Load | None:
        assigned = wanted.assigned
        if wanted.root is None or assigned.want == "stop" or self._assignment.store_url:
            return None
        return Load(
            assigned.deployment_id,
            assigned.version,
            assigned.revision,
            str(wanted.root),
            assigned.variables,
            assigned.secrets,
            draining=assigned.want == "drain",
        )

    def _take_report(self, report: Report) -> None:
        # Until it has carried out this agent's first orders, it tells of what the last agent ordered: as good.
        self._statuses = {one.deployment_id: one for one in report.deployments}
        self._on_change()

    def _health(self, wanted: _Wanted) -> DeploymentHealth:
        id = wanted.assigned.deployment_id
        said = self._statuses.get(id)
        if wanted.assigned.want == "stop":
            state = "stopped" if said is None else "draining"
            return DeploymentHealth(id, state, said.live_runs if said else 0)
        if self._assignment.store_url:
            error = StoreElsewhere("the environment's store is not on this machine's disk")
            return DeploymentHealth(
                id, "failed", 0, f"{error.message} ({error.code}). {error.hint}"
            )
        problem = wanted.error or self._keeper.problem
        if problem is not None:
            return DeploymentHealth(id, "failed", said.live_runs if said else 0, problem)
        if said is None:
            return DeploymentHealth(id, "starting")
        return msgspec.convert(msgspec.structs.asdict(said), DeploymentHealth)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a task of %s failed", self.environment_id, exc_info=error)
