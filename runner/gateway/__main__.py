"""`python -m runner.gateway`: serve from the last table, poll for the next, drain on SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import signal
import sys
import time

import uvloop

from runner import logs
from runner.gateway.caller import Domain, Proxies
from runner.gateway.engines import Engines
from runner.gateway.gateway import Gateway
from runner.gateway.polling import poll
from runner.gateway.sealed import SealedTable
from runner.hub import Hub
from runner.paths import private_folder
from runner.settings import Settings, load
from wistro.auth.fetch import Fetcher
from wistro.auth.verify import Verifier
from wistro.errors import UserError
from wistro.http.limits import ENDPOINTS
from wistro.http.server import Server
from wistro.protocol.addresses import read_networks
from wistro.protocol.ids import NewIds

log = logging.getLogger("runner.gateway")
GRACE_S = 30.0


def now_us() -> int:
    return time.time_ns() // 1000


async def serve(settings: Settings, *, stop: asyncio.Event) -> None:
    """Run until `stop`, then answer what was accepted."""
    sealed = SealedTable(settings.data, key=settings.gateway_key)
    engines = Engines(private_folder(settings.run))
    fetcher = Fetcher(trusted=read_networks(settings.trusted_networks), extra_ca=settings.extra_ca)
    verifier = Verifier(fetcher.get)
    gateway = Gateway(
        domain=Domain(settings.endpoint_url),
        proxies=Proxies(read_networks(settings.trusted_proxies)),
        engines=engines,
        verifier=verifier,
        new_id=NewIds(),
        now_us=now_us,
    )
    if table := sealed.last():
        gateway.apply(table)
        log.info("serving routing table %d from disk", table.serial)
    hub = Hub(settings, kind="gateway")
    server = Server(gateway.handle, limits=ENDPOINTS, spool=settings.data, cancel_when_lost=True)
    host, port = settings.gateway_address
    bound = await server.listen_tcp(host, port)
    log.info("listening on %s:%d", host, bound)
    polling = asyncio.create_task(
        poll(hub, apply=gateway.apply, sealed=sealed, jitter=random.Random())
    )
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({polling, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if polling.done():  # it never ends by itself: a mistake of ours, and the process's end
            polling.result()
        await server.drain(grace_s=GRACE_S)
    finally:
        for task in (polling, stopped):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await server.close()
        await verifier.close()
        engines.close()
        await hub.close()
    log.info("drained")


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
