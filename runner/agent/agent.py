"""All environments of this machine: taken on, changed and given up as the Hub assigns them; their health told."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from runner.agent.environment import HostedEnvironment, Place
from runner.hub import HubGone, HubRefused, NoPoolToken
from wistro.protocol.machine import Assignments, Heartbeat

log = logging.getLogger("runner.agent")
BEAT_S = 2.0
LEAST_BEAT_S = 0.1  # a change is told at once, but not each of a hundred
SHIP_GRACE_S = 2.0
TRIM_S = 600.0


class Agent:
    def __init__(self, place: Place) -> None:
        self._place = place
        self._environments: dict[str, HostedEnvironment] = {}
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._serial = 0
        self._changed = asyncio.Event()

    async def apply(self, assignments: Assignments) -> None:
        """Bring what runs here to what is assigned; returns when every engine has been told."""
        wanted = {one.environment_id: one for one in assignments.assignments}
        for id in [id for id in self._environments if id not in wanted]:
            log.info("environment %s is no longer assigned here", id)
            gone = self._environments.pop(id)
            self._ending[id] = asyncio.create_task(gone.end())
        for id, assignment in wanted.items():
            if (ending := self._ending.pop(id, None)) is not None:
                await asyncio.wait([ending])
            if id not in self._environments:
                self._environments[id] = HostedEnvironment(
                    assignment, self._place, on_change=self._changed.set
                )
            await self._environments[id].assign(assignment)
        self._serial = assignments.serial
        self._changed.set()

    def heartbeat(self) -> Heartbeat:
        return Heartbeat(self._serial, [one.health() for one in self._environments.values()])

    async def beat(self) -> None:
        """Until cancelled: every 2 s, and at each change."""
        is_away = False
        while True:
            self._changed.clear()
            try:
                await self._place.hub.send("/heartbeat", self.heartbeat())
                is_away = False
            except (HubGone, HubRefused, NoPoolToken) as error:
                if not is_away:
                    log.warning("no heartbeat: %s", error)
                is_away = True
            await asyncio.sleep(LEAST_BEAT_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(
                    asyncio.Event().wait() if is_away else self._changed.wait(), BEAT_S
                )

    async def trim(self) -> None:
        """Until cancelled: now and then, what nobody runs any more leaves the disk."""
        while True:
            await asyncio.sleep(TRIM_S)
            if not self._serial:
                continue  # nobody has said yet what is run
            used = {bundle for one in self._environments.values() for bundle in one.bundles}
            try:
                if count := await asyncio.to_thread(self._place.cache.trim, used):
                    log.info("removed %d versions from disk", count)
            except OSError as error:
                log.error("the cache cannot be trimmed: %s", error)

    async def leave(self) -> None:
        """Ship what can be, then go; the engines stay for the next agent."""
        environments = list(self._environments.values())
        waits = [asyncio.create_task(one.shipper.caught_up.wait()) for one in environments]
        if waits:
            await asyncio.wait(waits, timeout=SHIP_GRACE_S)
        for wait in waits:
            wait.cancel()
        for task in self._ending.values():
            task.cancel()
        await asyncio.gather(*waits, *self._ending.values(), return_exceptions=True)
        await asyncio.gather(*(one.leave() for one in environments))
