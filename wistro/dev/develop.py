"""`wistro dev`: compile, serve, show, and again on every change. A mistake in the project is said; it never ends it."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from wistro.dev.affected import affected, manifests
from wistro.dev.console import Console, Says
from wistro.dev.controlled import Shown, controlled
from wistro.dev.endpoints import Endpoints
from wistro.dev.one_engine import OneEngine
from wistro.dev.overview import counts, example_call, overview
from wistro.dev.ports import listen
from wistro.dev.project import Brought, Project
from wistro.dev.screens import STATIC, NotBuilt, Showing, serve_screens
from wistro.dev.secret_files import events_key
from wistro.dev.signals import Ending
from wistro.dev.start import address_of, outside_lines
from wistro.dev.telemetry import exported_too
from wistro.dev.watching import Watching
from wistro.errors import UserError
from wistro.http.limits import ENDPOINTS
from wistro.http.server import Server
from wistro.wiring import LOCAL, LocalEnvironment, local_engine

DRAIN_S = 5.0
CHANGES_SHOWN = 8
PACKAGES = "packages"  # told of as if it were a file: what is installed has changed


async def develop(
    root: Path, *, host: str, port: int, ui_port: int, store: str | None, says: Says
) -> None:
    """Until SIGINT or SIGTERM. Raises UserError when it cannot begin: a taken port, no such folder."""
    ending = Ending()
    console = Console()
    endpoints = Endpoints(
        events_key=lambda: events_key(root / ".wistro", os.environ),
        on_call=console.called,
        on_refused=console.refused,
    )
    project = Project(root)
    async with AsyncExitStack() as last:
        server = Server(endpoints.handle, limits=ENDPOINTS, spool=root / ".wistro")
        last.push_async_callback(server.close)
        last.enter_context(OneEngine(root / ".wistro", "wistro dev"))
        port = await listen(server, host, port, option="--port", avoid={ui_port})
        first = asyncio.create_task(project.bring())
        on_kept = last.enter_context(exported_too(root, console.take, os.environ))
        environment = local_engine(root, store=store, on_kept=on_kept)
        showing = Showing(
            environment.reads,
            lambda: project.lock,
            address_of(host, port),
            lambda: project.problems,
        )
        screens, screens_address = await serve_screens(root, showing, port=ui_port, avoid={port})
        last.push_async_callback(screens.close)
        await environment.start()
        last.push_async_callback(environment.close)
        environment.set_primary(LOCAL)
        shown = Shown("dev", address_of(host, port), screens_address.partition("?")[0])
        watching = await last.enter_async_context(Watching(root, others=project.files))
        control = controlled(
            root, environment, shown, showing, reload=partial(watching.tell, PACKAGES)
        )
        await last.enter_async_context(control)
        session = Session(project, environment, endpoints, console, says)
        await session.run(await first)
        session.tell_addresses(address_of(host, port), screens_address)
        following = asyncio.create_task(session.follow(watching))
        asked = asyncio.create_task(ending.asked.wait())
        await asyncio.wait({following, asked}, return_when=asyncio.FIRST_COMPLETED)
        if following.done():
            following.result()  # only a mistake of ours ends it
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await server.drain(grace_s=DRAIN_S)
    says.done("Stopped", "what was not done is done by the next `wistro dev`")


class Session:
    """Brings what compiles into the engine, and says what does not."""

    def __init__(
        self,
        project: Project,
        environment: LocalEnvironment,
        endpoints: Endpoints,
        console: Console,
        says: Says,
    ) -> None:
        self._project = project
        self._environment = environment
        self._endpoints = endpoints
        self._console = console
        self._says = says
        self._warned: set[tuple[str, str | None]] = set()
        self._is_serving = False
        self._had_problems = False
        self._unserved: set[str] = set()  # what changed since something was last served

    async def follow(self, watching: Watching) -> None:
        async for changed in watching.changes():
            await self.run(await self._project.bring(changed), changed)

    async def run(self, brought: Brought, changed: set[str] | None = None) -> None:
        """Serve it from now on; what is in flight ends in the processes that it began in."""
        self._warn(brought.warnings)
        self._unserved |= changed or set()
        if brought.built is None:
            self._tell_problems(brought.problems)
            return
        built = brought.built
        self._warn_of_missing(built.values.missing)
        try:
            await self._environment.use(
                built.lock,
                variables=built.values.found,
                built=built.modules,
                stale=affected(self._unserved) if self._is_serving else None,
            )
        except UserError as error:  # state is kept where nobody answers
            self._tell_problems([error])
            return
        self._unserved = set()
        self._endpoints.use(self._environment.engine, built.lock, built.values.found)
        self._console.fit(built.lock.steps)
        self._tell_served(brought, changed)

    def tell_addresses(self, endpoints: str, screens: str) -> None:
        says = self._says
        says.talk(f"  endpoints  {endpoints}")
        if (STATIC / "index.html").is_file():
            says.talk(f"  screens    {screens}")
        else:
            says.talk(f"  screens    not built. {NotBuilt.hint}")
        for line in (
            outside_lines(self._project.lock, endpoints, os.environ) if self._project.lock else []
        ):
            says.talk(line)
        if self._project.lock and (call := example_call(self._project.lock, endpoints)):
            says.talk(f"  try        {call}")
        says.talk("  watching for changes; Ctrl-C ends it\n")

    def _tell_served(self, brought: Brought, changed: set[str] | None) -> None:
        assert brought.built is not None
        lock, says = brought.built.lock, self._says
        took = f"{brought.took_s * 1e3:.0f} ms"
        if changed is None or not self._is_serving:
            says.done("Compiled", counts(lock), took)
            for line in overview(lock):
                says.talk(self._console.paint(line, "2"))
        else:
            says.done("Mended" if self._had_problems else "Reloaded", _named(changed), took)
            for change in brought.changes[:CHANGES_SHOWN]:
                says.talk(f"  {self._console.paint(change, '2')}")
            if len(brought.changes) > CHANGES_SHOWN:
                says.talk(f"  and {len(brought.changes) - CHANGES_SHOWN} more changes")
        self._is_serving, self._had_problems = True, False
        if asking := sorted(manifests(changed or ())):
            verb = "says" if len(asking) == 1 else "say"
            says.talk(
                f"  {', '.join(asking)} {verb} what is installed: `wistro install` brings it here"
            )

    def _tell_problems(self, problems: list[UserError]) -> None:
        for problem in problems:
            self._says.error(problem)
        number = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
        served = "serving what is loaded" if self._is_serving else "nothing is served yet"
        self._says.talk(f"{number}; {served}, waiting for a change")
        self._had_problems = True

    def _warn(self, warnings: list[UserError]) -> None:
        """Each is said when it is new."""
        found = {(one.message, one.where): one for one in warnings}
        for key, one in found.items():
            if key not in self._warned:
                self._says.warning(one)
        self._warned = set(found)

    def _warn_of_missing(self, names: list[str]) -> None:
        if names:
            named = ", ".join(names)
            self._says.talk(
                f"  without a value: {named}; write NAME=value lines into .env, which is watched"
            )


def _named(changed: set[str]) -> str:
    names = sorted(changed)
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
