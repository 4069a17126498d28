"""Ask the Hub for the routing table four times a second; what is applied is acknowledged by the next ask."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

from runner.gateway.sealed import SealedTable
from runner.hub import (
    Hub,
    HubGone,
    HubRefused,
    NoPoolToken,
    UnknownProtocol,
    backoff_s,
    check_protocol,
)
from wistro.protocol.routing import RoutingTable

log = logging.getLogger("runner.gateway")
POLL_S = 0.25


async def poll(
    hub: Hub,
    *,
    apply: Callable[[RoutingTable], None],
    sealed: SealedTable,
    jitter: random.Random,
    poll_s: float = POLL_S,
) -> None:
    """Until cancelled. A Hub that is gone or refuses changes nothing of what is served."""
    etag: str | None = None
    waits = None
    while True:
        try:
            fresh = await hub.get_if_changed("/routing", RoutingTable, etag=etag)
            if waits:
                log.info("the Hub is back")
            waits = None
            if fresh:
                check_protocol(fresh.value.protocol)
                apply(fresh.value)
                etag = fresh.etag
                log.info("applied routing table %d", fresh.value.serial)
                await _keep(sealed, fresh.value)
        except (HubGone, HubRefused, NoPoolToken, UnknownProtocol) as error:
            if waits is None:
                log.warning("no routing table: %s; serving the last", error)
                waits = backoff_s(first_s=poll_s, cap_s=2.0, jitter=jitter)
        await asyncio.sleep(poll_s if waits is None else poll_s / 2 + next(waits))


async def _keep(sealed: SealedTable, table: RoutingTable) -> None:
    try:
        await asyncio.to_thread(sealed.keep, table)
    except OSError as error:
        log.error("the routing table could not be kept on disk: %s", error)
