"""What an engine process runs: brings what is loaded to what the orders say, and tells how that went."""

from __future__ import annotations

import asyncio
import base64
import logging
from dataclasses import dataclass, field

import msgspec

from runner.agent.control import Load, Orders, Report, Status
from runner.agent.loading import prepare
from wistro.engine.loaded import Deployment
from wistro.errors import UserError
from wistro.hosts.pool import HostPool
from wistro.hosts.port import Launcher
from wistro.wiring import Environment

log = logging.getLogger("runner.engine")
DROP_GRACE_S = 30.0
WARM_AGAIN_S = 2.0
FAILED_AFTER = 2  # failed starts of a host, one after the other


@dataclass
class _Hosted:
    """A deployment that was ordered; `error` is why it does not run as it should."""

    load: Load
    pool: HostPool | None = None
    is_loaded: bool = False  # before that nobody knows of its live runs
    is_warm: bool = False
    error: str | None = None
    warming: asyncio.Task[None] | None = None


@dataclass
class Hosting:
    """One environment. `apply` is called by one task alone; `changed` is set when a report would say more."""

    environment: Environment
    launcher: Launcher
    label: str
    fence: int = 0
    key: bytes = b""
    number: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    _hosted: dict[str, _Hosted] = field(default_factory=dict)
    _dropping: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def apply(self, orders: Orders) -> bool:
        """Carry orders out; False for those of an agent whose grant is over."""
        if orders.fence < self.fence:
            log.warning("orders under fence %d, ours is %d: not taken", orders.fence, self.fence)
            return False
        self.fence, self.key = orders.fence, base64.b64decode(orders.key)
        wanted = {one.deployment_id: one for one in orders.deployments}
        for id in [id for id in self._hosted if id not in wanted]:
            self._drop(id)
        for load in orders.deployments:
            await self._bring(load)
        # An id that is not loaded stands for none; None would mean the only one that is.
        self.environment.set_primary(orders.primary or "none")
        self.number = orders.number
        self.changed.set()
        return True

    def report(self) -> Report:
        live = {one.id: one.live_runs for one in self.environment.engine.status()}
        statuses = [
            Status(id, _state(one), live.get(id, 0), one.error) for id, one in self._hosted.items()
        ]
        return Report(self.number, self.fence, statuses)

    async def close(self, *, grace_s: float) -> None:
        tasks = [one.warming for one in self._hosted.values() if one.warming]
        tasks += self._dropping.values()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.environment.close(grace_s=grace_s)

    async def _bring(self, load: Load) -> None:
        hosted = self._hosted.get(load.deployment_id)
        if hosted is None or _apart(hosted.load) != _apart(load):
            if (going := self._dropping.get(load.deployment_id)) is not None:
                await going
            await self._load(load)
        elif hosted.load.draining and not load.draining and hosted.pool is not None:
            await self._load(load)  # loading again is how an engine takes roots again
        hosted = self._hosted[load.deployment_id]
        hosted.load = load
        if load.draining and hosted.pool is not None:
            self.environment.engine.drain(load.deployment_id)

    async def _load(self, load: Load) -> None:
        hosted = self._hosted.setdefault(load.deployment_id, _Hosted(load))
        if hosted.warming is not None:
            hosted.warming.cancel()
        hosted.load, hosted.is_warm, hosted.error = load, False, None
        try:
            await self.environment.load(await self._prepared(load, hosted))
        except (UserError, OSError) as error:
            hosted.error = _words(error)
            log.error("deployment %s cannot be loaded: %s", load.deployment_id, hosted.error)
        except (
            Exception
        ) as error:  # ours; but no reason to stop the environment's other deployments
            hosted.error = f"the engine failed to load it: {error!r}"
            log.exception("deployment %s", load.deployment_id)
        else:
            hosted.is_loaded = True
            hosted.warming = asyncio.create_task(self._warm(hosted))
        self.changed.set()

    async def _prepared(self, load: Load, hosted: _Hosted) -> Deployment:
        def on_pool(pool: HostPool) -> None:
            hosted.pool = pool

        label = f"{self.label}-v{load.version}"
        return await asyncio.to_thread(
            prepare,
            load,
            launcher=self.launcher,
            label=label,
            on_pool=on_pool,
            reads=[self.environment.engine.blobs.folder],
        )

    async def _warm(self, hosted: _Hosted) -> None:
        """Healthy is a deployment whose hosts have started; one that could not is tried again for ever."""
        failures = 0
        while hosted.pool is not None:
            why = await hosted.pool.warm()
            if not why:
                break
            failures += 1
            said = "; ".join(f"{language}: {text}" for language, text in why.items())
            if failures >= FAILED_AFTER and hosted.error != f"its host cannot start: {said}":
                hosted.error = f"its host cannot start: {said}"
                log.error("deployment %s: %s", hosted.load.deployment_id, hosted.error)
                self.changed.set()
            await asyncio.sleep(WARM_AGAIN_S)
        hosted.is_warm, hosted.error = True, None
        self.changed.set()

    def _drop(self, id: str) -> None:
        hosted = self._hosted.pop(id)
        if hosted.warming is not None:
            hosted.warming.cancel()
        if hosted.pool is None:
            return
        task = asyncio.create_task(self.environment.engine.drop(id, grace_s=DROP_GRACE_S))
        self._dropping[id] = task
        task.add_done_callback(lambda _: self._dropping.pop(id, None))


def _apart(load: Load) -> Load:
    """What makes a load another one: draining alone does not."""
    return msgspec.structs.replace(load, draining=False)


def _state(hosted: _Hosted) -> str:
    if hosted.error is not None:
        return "failed"
    if hosted.load.draining and hosted.is_loaded:
        return "draining"
    return "healthy" if hosted.is_warm else "starting"


def _words(error: Exception) -> str:
    if not isinstance(error, UserError):
        return str(error)
    return f"{error.message} ({error.code})" + (f". {error.hint}" if error.hint else "")
