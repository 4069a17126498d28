"""Ask the Hub twice a second what runs here; what is applied is acknowledged by the next ask."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from runner.hub import (
    Hub,
    HubGone,
    HubRefused,
    NoPoolToken,
    UnknownProtocol,
    backoff_s,
    check_protocol,
)
from runner.sealed import Sealed
from wistro.protocol.machine import Assignments

log = logging.getLogger("runner.agent")
POLL_S = 0.5


async def poll(
    hub: Hub,
    *,
    apply: Callable[[Assignments], Awaitable[None]],
    sealed: Sealed[Assignments],
    jitter: random.Random,
    poll_s: float = POLL_S,
) -> None:
    """Until cancelled. A Hub that is gone or refuses changes nothing of what runs."""
    etag: str | None = None
    waits = None
    while True:
        try:
            fresh = await hub.get_if_changed("/assignments", Assignments, etag=etag)
            if waits:
                log.info("the Hub is back")
            waits = None
            if fresh:
                check_protocol(fresh.value.protocol)
                # Kept first: an agent killed in between must not go back behind what its engines run.
                await _keep(sealed, fresh.value)
                await apply(fresh.value)
                etag = fresh.etag
                log.info("applied assignments %d", fresh.value.serial)
        except (HubGone, HubRefused, NoPoolToken, UnknownProtocol) as error:
            if waits is None:
                log.warning("no assignments: %s; running the last", error)
                waits = backoff_s(first_s=poll_s, cap_s=2.0, jitter=jitter)
        await asyncio.sleep(poll_s if waits is None else poll_s / 2 + next(waits))


async def _keep(sealed: Sealed[Assignments], assignments: Assignments) -> None:
    try:
        await asyncio.to_thread(sealed.keep, assignments)
    except OSError as error:
        log.error("the assignments could not be kept on disk: %s", error)
