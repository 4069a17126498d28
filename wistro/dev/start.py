"""`wistro start`: serve what wistro.yml.lock says. No code of the project runs before something calls it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from wistro.blobs.address import SETTING as BLOB_STORE
from wistro.blobs.address import BlobsAreLocal
from wistro.dev.console import Console, Says
from wistro.dev.controlled import Shown, controlled
from wistro.dev.endpoints import Endpoints
from wistro.dev.one_engine import OneEngine
from wistro.dev.overview import counts, overview
from wistro.dev.ports import listen
from wistro.dev.screens import Showing, serve_screens
from wistro.dev.secret_files import EVENTS_KEY, EVENTS_KEY_FILE, events_key
from wistro.dev.signals import Ending
from wistro.dev.telemetry import exported_too
from wistro.http.limits import ENDPOINTS
from wistro.http.server import Server
from wistro.languages import NotInstalled
from wistro.languages.building import build
from wistro.lock import file
from wistro.lock.model import Lock
from wistro.state.port import GIVES_UP
from wistro.triggers.outside import EVENTS
from wistro.variables import MissingVariables, Values, values_for
from wistro.wiring import LOCAL, local_engine

DRAIN_S = 30.0


async def start(
    root: Path,
    *,
    host: str,
    port: int,
    ui_port: int | None,
    store: str | None,
    is_json: bool,
    says: Says,
) -> None:
    """Until SIGINT or SIGTERM; then what was accepted is answered. Raises UserError before anything is served."""
    lock, values = checked(root)
    built = _built(root, lock, says)
    ending = Ending()
    console = Console(as_json=is_json)
    console.fit(lock.steps)
    endpoints = Endpoints(
        events_key=lambda: events_key(root / ".wistro", os.environ),
        on_refused=console.refused,
        refuses_late=True,
    )
    async with AsyncExitStack() as last:
        last.enter_context(OneEngine(root / ".wistro", "wistro start"))
        server = Server(endpoints.handle, limits=ENDPOINTS, spool=root / ".wistro")
        last.push_async_callback(server.close)
        port = await listen(server, host, port, option="--port")
        on_kept = last.enter_context(exported_too(root, console.take, os.environ))
        if store is not None and not os.environ.get(BLOB_STORE):
            says.warning(BlobsAreLocal("large messages and files are kept in .wistro/blobs here"))
        environment = local_engine(root, store=store, on_kept=on_kept)
        await environment.start()
        last.push_async_callback(environment.close)
        await environment.use(lock, variables=values.found, built=built)
        environment.set_primary(LOCAL)
        endpoints.use(environment.engine, lock, values.found)
        _told(lock, address_of(host, port), is_json, console, says)
        _told_state(lock, is_json, console, says)
        showing = Showing(environment.reads, lambda: lock, address_of(host, port))
        shown = Shown("start", address_of(host, port), None)
        if ui_port is not None:
            screens, address = await serve_screens(root, showing, port=ui_port, avoid={port})
            last.push_async_callback(screens.close)
            shown = Shown("start", shown.endpoints, address.partition("?")[0])
            says.talk(f"  screens    {address}")
        await last.enter_async_context(controlled(root, environment, shown, showing))
        await ending.asked.wait()
        whole = await server.drain(grace_s=DRAIN_S, listens=True)
    _told_end(whole, is_json, console, says)


def checked(root: Path) -> tuple[Lock, Values]:
    """The lock and the variables' values, when the files are those of the lock and nothing is missing."""
    lock = file.read(root / file.NAME)
    file.verify(root, lock)
    values = values_for(lock, root, os.environ)
    if values.missing:
        named = ", ".join(values.missing)
        several = "s have" if len(values.missing) > 1 else " has"
        raise MissingVariables(f"variable{several} no value: {named}")
    return lock, values


def _built(root: Path, lock: Lock, says: Says) -> dict[str, str]:
    """Where there is no Node nothing can be built or run: those steps answer 503, the rest is served."""
    try:
        return build(root, lock)
    except NotInstalled as error:
        says.warning(error)
        return {}


def _told(lock: Lock, address: str, is_json: bool, console: Console, says: Says) -> None:
    if is_json:
        console.event("serving", url=address, lock=lock.digest, steps=sorted(lock.steps))
        return
    says.done("Serving", counts(lock), f"{file.NAME} {lock.digest.removeprefix('sha256:')[:6]}")
    for line in overview(lock):
        says.talk(line)
    says.talk(f"  endpoints  {address}")
    for line in outside_lines(lock, address, os.environ):
        says.talk(line)


def _told_state(lock: Lock, is_json: bool, console: Console, says: Says) -> None:
    if lock.state is None:
        return
    gives_up = GIVES_UP[lock.state.adapter]
    if is_json:
        console.event("state elsewhere", adapter=lock.state.adapter, detail=gives_up)
    else:
        says.talk(f"  state      {gives_up}")


def _told_end(whole: bool, is_json: bool, console: Console, says: Says) -> None:
    how = "every call was answered" if whole else f"calls were cut off after {DRAIN_S:g} s"
    if is_json:
        console.event("stopped", detail=how)
    else:
        says.done("Stopped", how)


def outside_lines(lock: Lock, address: str, environ: Mapping[str, str]) -> list[str]:
    """Where events from outside arrive, and where their key is; nothing when there is no such topic."""
    if not lock.triggers.outside:
        return []
    key = f"${EVENTS_KEY}" if environ.get(EVENTS_KEY) else f"$(cat .wistro/{EVENTS_KEY_FILE})"
    topic = lock.triggers.outside[0].topic
    call = f'curl {address}{EVENTS}{topic} -H "authorization: Bearer {key}" --json'
    return [f"  events     {call} '…'"]


def address_of(host: str, port: int) -> str:
    """As one opens it here."""
    if host in ("0.0.0.0", "::"):  # noqa: S104
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
