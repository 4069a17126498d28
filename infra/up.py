"""`make up`: the whole system in one place, from databases to demo, until Ctrl-C.

Tests start the same processes elsewhere: `async with system(place) as running`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import fcntl
import importlib.util
import os
import signal
import sys
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from infra import demo, embedded, migrated, ports, procs
from infra.place import Place
from infra.processes import BY_NAME, Process, here
from infra.settings import make_up, settings_of
from infra.supervisor import Supervisor, end_leftovers
from infra.tail import tail
from infra.terminal import Failed, Terminal

EDGE = ("gateway", "builder", "agent")  # stopped first: what brings work in
STORES = ("postgres", "valkey")  # stopped last
DRAIN_S = 10.0


@asynccontextmanager
async def system(
    place: Place, *, only: Collection[str] = (), terminal: Terminal | None = None
) -> AsyncIterator[Supervisor]:
    """Everything of the table (or `only` these), ready; all of it ended on leaving, engines included."""
    terminal = terminal or Terminal(quiet=True)
    place.make_folders()
    with only_one(place):
        if ended := end_leftovers(place):
            terminal.warn("earlier run", f"was killed; ended {ended} of its processes")
        ports.refuse_taken(place)
        running = Supervisor(place, tell=lambda text: terminal.warn("restart", text))
        try:
            await start(running, terminal, only)
            yield running
        finally:
            await stop(running)


async def start(running: Supervisor, terminal: Terminal, only: Collection[str] = ()) -> None:
    """Stores, then tables, then everything that needs them."""
    place = running.place
    table = [process for process in here(place) if not only or process.name in only]
    names = {process.name for process in table}
    if "postgres" in names:
        with terminal.step("PostgreSQL") as step:
            first = not (place.data / "postgres" / "wistro.stamp").exists()
            await asyncio.to_thread(embedded.prepare_postgres, place)
            running.start(BY_NAME["postgres"])
            await running.wait_ready("postgres")
            await asyncio.to_thread(embedded.make_roles, place)
            step.note = "made, with its three roles" if first else ""
    if "valkey" in names:
        with terminal.step("Valkey"):
            running.start(BY_NAME["valkey"])
            await running.wait_ready("valkey")
    for process in (process for process in table if process.once and exists(process, terminal)):
        if not migrated.is_current(place):
            with terminal.step(process.name.capitalize()):
                await running.run_once(process)
            migrated.remember(place)
    rest = [process for process in table if not process.once and process.name not in STORES]
    rest = [process for process in rest if exists(process, terminal)]
    if not rest:
        return
    with terminal.step("Processes") as step:
        for process in rest:
            running.start(process)
        await running.wait_ready()
        step.note = ", ".join(process.name for process in rest)


def exists(process: Process, terminal: Terminal) -> bool:
    """Whether its module is in this checkout; a part that is not built yet is named, not hidden."""
    try:
        found = importlib.util.find_spec(process.module) is not None
    except ModuleNotFoundError:
        found = False
    if not found:
        terminal.warn(process.name, f"left out: {process.module} is not in this checkout yet")
    return found


async def stop(running: Supervisor) -> None:
    """Drain from the edge inwards: no new work, engines finish theirs, then the Hub, then the stores."""
    below = procs.descendants(running.pids.values())
    await running.stop(*EDGE, grace_s=DRAIN_S)
    kept = set(running.pids.values())
    inner = {one.pid for one in procs.descendants(kept)} | kept
    engines = [one for one in [*below, *procs.marked(running.place.key)] if one.pid not in inner]
    # An engine ends its own hosts once their calls are answered; a signal to them would break those off.
    await asyncio.to_thread(procs.end, procs.topmost(engines), grace_s=DRAIN_S)
    await asyncio.to_thread(procs.end, engines, grace_s=1)
    hub = [name for name in running.children if name not in STORES]
    await running.stop(*hub, grace_s=DRAIN_S)
    await running.stop(grace_s=DRAIN_S)
    left = procs.marked(running.place.key)
    await asyncio.to_thread(procs.end, left, grace_s=1)
    with contextlib.suppress(OSError):  # what lies in it is a socket of something that did not end
        running.place.run.rmdir()


@contextmanager
def only_one(place: Place) -> Iterator[None]:
    """Hold this place; another living `make up` on it is named instead of disturbed."""
    with (place.data / "up.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            pid = file.read().strip() or "unknown"
            raise Failed(
                f"wistro already runs here (pid {pid})", "Ctrl-C in its terminal ends it."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


async def up(place: Place, *, terminal: Terminal, verbose: bool) -> None:
    """Run until a signal; the first one drains, a second Ctrl-C kills."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, asked.set)
    procs.become_subreaper()
    serving = asyncio.create_task(_serve(place, terminal, verbose))
    waiting = asyncio.create_task(asked.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not serving.done():
        terminal.say("\n  stopping; Ctrl-C again kills")
        loop.add_signal_handler(signal.SIGINT, _kill_all, place)
        serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    terminal.say(f"  stopped; the data stays in {_short(place.data, place)}")


async def _serve(place: Place, terminal: Terminal, verbose: bool) -> None:
    terminal.say()
    async with system(place, terminal=terminal) as running:
        if procs.LINUX:
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGCHLD, procs.reap_orphans, running.owns)
        made = await demo.deploy(running, terminal)
        _greet(place, made, terminal)
        tailing = asyncio.create_task(tail(place.logs)) if verbose else None
        await asyncio.Event().wait()
        del tailing


def _greet(place: Place, made: demo.Demo | None, terminal: Terminal) -> None:
    values = settings_of(place)
    terminal.say()
    terminal.line("→", "Hub", values["WISTRO_HUB_URL"])
    if made:
        terminal.line(" ", "sign in", f"{made.email}   password  {made.password}")
        if made.address:
            terminal.line(" ", "demo project", made.address)
    terminal.line(" ", "e-mail", f"{values['WISTRO_HUB_URL']}/outbox   (none is sent from here)")
    terminal.line(" ", "endpoints", values["WISTRO_ENDPOINT_URL"].replace("{label}", "<label>"))
    terminal.line(
        " ", "logs", f"{_short(place.logs, place)}/<process>.log   (make up VERBOSE=1 shows them)"
    )
    terminal.say("\n  Ctrl-C stops all of it.")


def _short(path: Path, place: Place) -> str:
    return str(path.relative_to(place.root)) if path.is_relative_to(place.root) else str(path)


def _kill_all(place: Place) -> None:
    for one in [*procs.descendants([os.getpid()]), *procs.marked(place.key)]:
        procs.send(one, signal.SIGKILL)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.up", description=__doc__)
    parser.add_argument("--verbose", action="store_true", help="show every process's log")
    chosen = parser.parse_args()
    terminal = Terminal()
    try:
        place = make_up(os.environ)
        asyncio.run(up(place, terminal=terminal, verbose=chosen.verbose))
    except Failed as failed:
        terminal.fail(failed)
        return 1
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        terminal.fail(
            Failed(
                "no space left on this disk", "Free some, then `make up` goes on where it stopped."
            )
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
