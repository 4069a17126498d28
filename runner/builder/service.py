"""The builder's day: claim an order, work it off, say how it went; a few at a time, until told to stop."""

from __future__ import annotations

import asyncio
import logging

from runner.builder.build import Shop, build
from runner.builder.log import LeaseLost
from runner.hub import HubGone, HubRefused
from wistro.protocol.machine import BuildOrder, BuildResult

log = logging.getLogger("runner.builder")
_IDLE_S = 0.5
_AWAY_S = 2.0
_FINISH_TRIES = 8


async def serve(shop: Shop, *, at_once: int, stopping: asyncio.Event) -> None:
    """Claim and build until `stopping`; what is being built then is left to another attempt."""
    async with asyncio.TaskGroup() as workers:
        tasks = [workers.create_task(_work(shop)) for _ in range(at_once)]
        await stopping.wait()
        for task in tasks:
            task.cancel()


async def _work(shop: Shop) -> None:
    while True:
        order = await _claim(shop)
        if order is None:
            continue
        log.info("build %s, attempt %s", order.build_id, order.attempt)
        try:
            result = await build(order, shop)
        except LeaseLost as lost:
            log.warning("build %s is no longer ours: %s", order.build_id, lost)
        else:
            log.info("build %s: %s", order.build_id, result.outcome)
            await _finish(order, result, shop)


async def _claim(shop: Shop) -> BuildOrder | None:
    try:
        order = await shop.hub.send("/builds/claim", answer=BuildOrder)
    except (HubGone, HubRefused) as problem:
        log.warning("no work: %s", problem)
        await asyncio.sleep(_AWAY_S)
        return None
    if order is None:
        await asyncio.sleep(_IDLE_S)
    return order


async def _finish(order: BuildOrder, result: BuildResult, shop: Shop) -> None:
    try:
        await shop.hub.send(f"/builds/{order.build_id}/finish", result, tries=_FINISH_TRIES)
    except (HubGone, HubRefused) as problem:
        log.error("build %s could not be finished: %s", order.build_id, problem)
