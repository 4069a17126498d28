"""The whole system under the harness: every process of `make up` in a place of its own, the project served by a push."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from infra import procs
from infra.processes import BY_NAME, environment
from infra.settings import settings_of
from tests.faults.client import Connection, Target
from tests.faults.engine_system import PROJECT, STAGES, counts_of, left_in
from tests.faults.killer import Victim
from tests.faults.pusher import Pusher
from tests.faults.table import Outcomes
from tests.journeys.systems import Whole, whole_system
from wistro.protocol.ids import show

REPOSITORY = "acme/faults"
SERVED_WITHIN_S = 120.0
DRAINED_WITHIN_S = (
    300.0  # a worker that died with a row in its hands gives it back when its lease ends
)
SUPERVISED = {
    "agent": "agent",
    "hub web": "web",
    "worker": "worker",
    "postgres": "postgres",
    "redis": "valkey",
}


class WholeSystem:
    """What `running_whole` gives: victims by name, where calls go, and what there is in the end."""

    def __init__(self, whole: Whole, *, base: str) -> None:
        self.target = Target(
            port=whole.place.ports.gateway,
            host=f"prod--shop--demo.localhost:{whole.place.ports.gateway}",
        )
        self.victims = [Victim("engine", self._engines), Victim("host", self._hosts)]
        for name, process in SUPERVISED.items():
            living, back = partial(self._supervised, process), partial(self._back, process)
            self.victims.append(Victim(name, living, back))
        self._whole = whole
        self._base = base

    def pushing(self, log: Path, *, chance: random.Random) -> Pusher:
        return Pusher(self._whole.github, REPOSITORY, base=self._base, log=log, chance=chance)

    async def served(self) -> None:
        """Returns once the gateway hands a call to the engine and it is acknowledged."""
        with closing(Connection(self.target)) as connection:
            until = time.monotonic() + SERVED_WITHIN_S
            while (answer := await connection.post("first", b'{"key": "first"}')).status != 202:
                if time.monotonic() > until:
                    raise TimeoutError(f"not served: {answer}")
                await asyncio.sleep(0.2)

    async def settled(self) -> None:
        """Returns when no run lives, every record has come to the Hub, and every webhook and build is worked off."""
        until = time.monotonic() + DRAINED_WITHIN_S
        while left := await asyncio.to_thread(self._left):
            if time.monotonic() > until:
                raise TimeoutError(f"after {DRAINED_WITHIN_S:g} s there were still {left}")
            await asyncio.sleep(0.25)

    def outcomes(self) -> Outcomes:
        with closing(self._store()) as db:
            counts = {stage: counts_of(db, stage) for stage in STAGES}
        for stage in counts.values():
            stage.pop("first", None)
        done = self._ask("SELECT id FROM runs WHERE status = 'done'")
        twice = self._ask(
            "SELECT run_id, step FROM attempts WHERE outcome = 'done' GROUP BY run_id, step HAVING count(*) > 1"
        )
        return Outcomes(
            counts,
            frozenset(show("run", str(id)) for (id,) in done),
            [f"{show('run', str(id))} {step}" for id, step in twice],
        )

    def builds(self) -> Outcomes:
        """The pushes' outcomes: how many versions a commit became, and those that are built."""
        rows = self._ask("SELECT sha, state FROM versions WHERE sha != %s", self._base)
        versions = Counter(sha for sha, _ in rows)
        return Outcomes(
            {"versions": versions}, frozenset(sha for sha, state in rows if state == "ready")
        )

    def _left(self) -> str:
        try:
            return ", ".join(filter(None, (self._left_in_engine(), self._left_in_hub())))
        except (psycopg.OperationalError, sqlite3.OperationalError) as away:
            return str(away)

    def _left_in_engine(self) -> str:
        with closing(self._store()) as db:
            return left_in(db, "runs", "deliveries", "outbox")

    def _left_in_hub(self) -> str:
        questions = {
            "runs under way": "SELECT count(*) FROM runs WHERE status IN ('running', 'waiting')",
            "webhooks": "SELECT count(*) FROM hooks WHERE due_at IS NOT NULL",
            "builds": "SELECT count(*) FROM builds WHERE ended_at IS NULL",
        }
        counts = {what: self._ask(sql)[0][0] for what, sql in questions.items()}
        with closing(self._store()) as db:
            finished = len(counts_of(db, STAGES[-1]))
        done = self._ask("SELECT count(*) FROM runs WHERE status = 'done'")[0][0]
        counts["records on their way"] = max(0, finished - done)
        return ", ".join(f"{count} {what}" for what, count in counts.items() if count)

    def _ask(self, sql: Any, *values: Any) -> list[Any]:
        url = settings_of(self._whole.place)["DATABASE_OWNER_URL"]
        with psycopg.connect(url) as connection:
            return connection.execute(sql, values).fetchall()

    def _store(self) -> sqlite3.Connection:
        [path] = (self._whole.place.data / "agent" / "environments").glob("*/store.db")
        return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)

    # Who may be killed

    def _supervised(self, process: str) -> list[procs.Identity]:
        pid = self._whole.running.pids.get(process)
        found = procs.identify(pid) if pid else None
        return [found] if found else []

    async def _back(self, process: str) -> None:
        await self._whole.running.wait_ready(process)

    def _engines(self) -> list[procs.Identity]:
        marked = procs.marked(self._whole.place.key)
        return [one for one in marked if "runner.agent.engine" in _argv(one)]

    def _hosts(self) -> list[procs.Identity]:
        """The language's own process, not the sandbox around it."""
        below = procs.descendants(one.pid for one in self._engines())
        return [
            one for one in below if any("wistro/languages/" in word for word in _argv(one)[1:4])
        ]


@asynccontextmanager
async def running_whole(folder: Path) -> AsyncIterator[WholeSystem]:
    """Everything running, connected to a repository, its first push serving in prod."""
    async with whole_system(folder) as whole:
        await _connect(whole)
        files = {
            path.relative_to(PROJECT).as_posix(): path.read_text()
            for path in PROJECT.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        base = await asyncio.to_thread(whole.github.push, REPOSITORY, files)
        system = WholeSystem(whole, base=base)
        await system.served()
        yield system


async def _connect(whole: Whole) -> None:
    github, owner = whole.github, "octo"
    await _in_hub(whole, "manage.py", "make_demo")
    manifest = json.loads(await _in_hub(whole, "-m", "tests.faults.connect", "manifest"))
    github.user(owner, [REPOSITORY.split("/")[0]], sign_in=True)
    github.repository(REPOSITORY)
    made = github.make_app(manifest)
    installation = github.install(made["id"], REPOSITORY.split("/")[0], [REPOSITORY])
    code = github.user_code(made["id"], owner)
    words = ("connect", made["code"], str(installation), code, REPOSITORY)
    await _in_hub(whole, "-m", "tests.faults.connect", *words[1:])


async def _in_hub(whole: Whole, *words: str) -> str:
    """Run a command with the Hub's settings; its last line."""
    running, place = whole.running, whole.place
    env = environment(BY_NAME["migrate"], place)
    code = await running.run([place.python, *words], log="faults", env=env, timeout_s=60)
    said = running.said("faults").strip()
    if code:
        raise RuntimeError(f"{' '.join(words[:3])} failed:\n{said}")
    return said.splitlines()[-1] if said else ""


def _argv(one: procs.Identity) -> list[str]:
    try:
        return Path(f"/proc/{one.pid}/cmdline").read_text().split("\0")
    except OSError:
        return []
