"""`python -m runner.agent`: run what was assigned last, poll for the next, leave the engines running on SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import sys

import uvloop

from runner import logs
from runner.agent.agent import Agent
from runner.agent.cache import Cache
from runner.agent.environment import Place
from runner.agent.locks import hold
from runner.agent.polling import poll
from runner.hub import Hub, HubGone, HubRefused
from runner.paths import private_folder
from runner.sandbox import choose
from runner.sealed import Sealed
from runner.settings import Settings, load
from wistro.errors import UserError
from wistro.protocol.machine import Assignments

log = logging.getLogger("runner.agent")
LOCK_WAIT_S = 10.0


async def serve(settings: Settings, *, stop: asyncio.Event) -> None:
    data = private_folder(settings.data)
    held = await hold(data / "agent.lock", wait_s=LOCK_WAIT_S)
    sandbox = await asyncio.to_thread(_sandbox, settings)
    sealed = Sealed(data, name="assignments", type=Assignments)
    cache = Cache(data)
    await asyncio.to_thread(cache.forget_unfinished)
    hub = Hub(settings, kind="agent", sandbox=sandbox)
    jitter = random.Random()
    agent = Agent(Place(data, private_folder(settings.run), cache, hub, jitter))
    if last := sealed.last():
        await agent.apply(last)
        log.info("running assignments %d from disk", last.serial)
    if settings.pool_token:
        await _register(hub)
    work: list[asyncio.Task[object]] = [
        asyncio.create_task(poll(hub, apply=agent.apply, sealed=sealed, jitter=jitter)),
        asyncio.create_task(agent.beat()),
        asyncio.create_task(agent.trim()),
    ]
    stopped: asyncio.Task[object] = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({*work, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in work:
            if (
                task.done()
            ):  # they never end by themselves: a mistake of ours, and the process's end
                task.result()
    finally:
        for task in (*work, stopped):
            task.cancel()
        await asyncio.gather(*work, stopped, return_exceptions=True)
        await agent.leave()
        await hub.close()
        os.close(held)
    log.info("left; the engines run on")


def _sandbox(settings: Settings) -> dict[str, str]:
    """What engines will be able to shut hosts in; raises SandboxMissing below the tier that was asked for."""
    launcher = choose.launcher(settings)
    try:
        return choose.report(launcher)
    finally:
        if (close := getattr(launcher, "close", None)) is not None:
            close()


async def _register(hub: Hub) -> None:
    """Anew with each start: the Hub learns today's sandbox. Without the Hub, the token from before does."""
    try:
        await hub.register()
    except (HubGone, HubRefused) as error:
        log.warning("not registered: %s", error)


async def main(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(settings, stop=stop)


if __name__ == "__main__":
    try:
        settings = load(os.environ)
        logs.configure(settings.log_level)
        uvloop.run(main(settings))
    except UserError as error:
        hint = f"\n hint: {error.hint}" if error.hint else ""
        sys.exit(f"error: {error.message}{hint}  [{error.code}]")
