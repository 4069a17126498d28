"""Several engines on one PostgreSQL under the harness, and what is in their tables in the end."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from infra import procs
from infra.one_postgres import Postgres
from tests.faults.client import Target
from tests.faults.engine_system import DRAINED_WITHIN_S, STAGES, prepare
from tests.faults.several_parts import SCHEMA, Balancer, Engine, Proxy
from tests.faults.table import Outcomes
from wistro.protocol.ids import show
from wistro.records.index import RecordsIndex

TAKEN_WITHIN_S = 30.0
ZOMBIE_ENDS_WITHIN_S = 20.0
LOOK_EVERY_S = 0.05
FORGOTTEN = "exception was never retrieved"
LEFT = "SELECT count(*) FROM runs WHERE owner = %s"
ENGINES = "SELECT boot FROM engines WHERE NOT is_gone ORDER BY boot"


class SeveralSystem:
    """`async with` it: engines behind one balancer, each by a proxy of its own to the server."""

    def __init__(self, folder: Path, *, engines: int = 2) -> None:
        self.folder = folder
        self.effects = folder / "effects.log"
        self.postgres = Postgres(folder / "postgres")
        self.engines: list[Engine] = []
        self.takeovers_s: list[float] = []
        self.zombies = self.zombies_ended = 0
        self._count = engines
        self._balancer: Balancer | None = None

    async def __aenter__(self) -> SeveralSystem:
        await asyncio.to_thread(self.postgres.start)
        first = self.folder / "first"
        await asyncio.to_thread(prepare, first)
        for number in range(self._count):
            root = self.folder / f"project-{number}"
            await asyncio.to_thread(shutil.copytree, first, root, symlinks=True)
            proxy = Proxy(self.postgres.socket)
            await proxy.start()
            url = f"{self.postgres.url_by(proxy.port)}?schema={SCHEMA}"
            place = self.folder / f"engine-{number}"
            self.engines.append(Engine(place, root, proxy=proxy, url=url, effects=self.effects))
        await asyncio.gather(*(engine.start() for engine in self.engines))
        self._balancer = Balancer([engine.port for engine in self.engines])
        await self._balancer.start()
        self.target = Target(port=self._balancer.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        for engine in self.engines:
            await asyncio.to_thread(procs.end, engine.seen, grace_s=5)
            await engine.proxy.close()
        if self._balancer is not None:
            await self._balancer.close()
        await asyncio.to_thread(self.postgres.stop)

    async def stop(self) -> None:
        for engine in self.engines:
            engine.living()
            engine.proxy.let_pass()
        await asyncio.gather(*(engine.stop() for engine in self.engines))

    async def boots(self) -> set[int]:
        """The engines that hold a lease."""
        return {boot for (boot,) in await asyncio.to_thread(self._ask, ENGINES)}

    async def whole(self) -> set[int]:
        """The same, once all engines are there: one that was lost before has come back."""
        async with asyncio.timeout(TAKEN_WITHIN_S):
            while len(boots := await self.boots()) < self._count:  # noqa: ASYNC110  (other processes)
                await asyncio.sleep(LOOK_EVERY_S)
        return boots

    async def taken_over(self, before: set[int]) -> None:
        """Returns once another engine has what this one had to do. `before`: who held a lease when it was lost."""
        began = time.monotonic()
        gone: set[int] = set()
        async with asyncio.timeout(TAKEN_WITHIN_S):
            while not gone:
                await asyncio.sleep(LOOK_EVERY_S)
                gone = before - await self.boots()
            for boot in gone:
                while await self._waiting_of(boot):  # noqa: ASYNC110  (rows of another process)
                    await asyncio.sleep(LOOK_EVERY_S)
        self.takeovers_s.append(time.monotonic() - began)

    async def _waiting_of(self, boot: int) -> int:
        return (await asyncio.to_thread(self._ask, LEFT, boot))[0][0]

    async def goes_on_as_zombie(
        self, engine: Engine, go_on: Callable[[], None], *, ended: int
    ) -> None:
        """Let it go on: it must find itself fenced, and end. It had `ended` so often before it was lost."""
        self.zombies += 1
        go_on()
        async with asyncio.timeout(ZOMBIE_ENDS_WITHIN_S):
            while len(engine.ended) == ended:  # noqa: ASYNC110  (a process ends)
                await asyncio.sleep(LOOK_EVERY_S)
        self.zombies_ended += 1

    async def settled(self) -> None:
        """Let what was accepted come to its end; then end the engines."""
        until = time.monotonic() + DRAINED_WITHIN_S
        while left := await asyncio.to_thread(self._left):
            if time.monotonic() > until:
                raise TimeoutError(f"after {DRAINED_WITHIN_S:g} s there were still {left}")
            await asyncio.sleep(0.1)
        await self.stop()

    def outcomes(self) -> Outcomes:
        """State from the server, records from every engine's own."""
        rows = self._ask('SELECT "group", key, value FROM state')
        counts: dict[str, dict[str, int]] = {stage: {} for stage in STAGES}
        for group, key, value in rows:
            counts[group][key] = json.loads(value)
        done: set[str] = set()
        attempts: dict[tuple[str, str], set[str]] = {}
        for engine in self.engines:
            self._read_records(engine, done, attempts)
        repeated = [f"{run} {step}" for (run, step), ids in attempts.items() if len(ids) > 1]
        return Outcomes(counts, frozenset(done), repeated)

    def problems(self) -> list[str]:
        late = [one for one in self.takeovers_s if one > TAKEN_WITHIN_S]
        found = [f"{len(late)} takeovers were late"] if late else []
        if self.zombies_ended < self.zombies:
            found.append(f"{self.zombies - self.zombies_ended} zombies went on")
        found += [
            f"an engine lost a task:\n{one.log()}" for one in self.engines if FORGOTTEN in one.log()
        ]
        return found

    def _read_records(
        self, engine: Engine, done: set[str], attempts: dict[tuple[str, str], set[str]]
    ) -> None:
        folder = engine.root / ".wistro"
        with closing(RecordsIndex(folder)) as index:
            index.catch_up()
        with closing(sqlite3.connect(folder / "records.db", timeout=5)) as db:
            for (id,) in db.execute("SELECT run_id FROM runs WHERE status = 'done'"):
                done.add(show("run", id))
            rows = db.execute(
                "SELECT run_id, step, attempt_id FROM attempts WHERE outcome = 'done'"
            )
            for run_id, step, attempt_id in rows:
                attempts.setdefault((show("run", run_id), step), set()).add(attempt_id)

    def _ask(self, text: Any, *values: Any) -> list[tuple[Any, ...]]:
        return self.postgres.ask(text, *values, schema=SCHEMA)

    def _left(self) -> str:
        try:
            counts = [
                (self._ask(f"SELECT count(*) FROM {name}".encode())[0][0], name)
                for name in ("runs", "deliveries", "commands")
            ]
        except psycopg.OperationalError as error:
            return str(error)
        return ", ".join(f"{count} {name}" for count, name in counts if count)
