"""The engine alone under the harness: one process that is started again when it dies, and what it holds in the end."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from functools import cache, partial
from pathlib import Path

from infra import procs
from infra.place import CHECKOUT
from infra.ports import free_ports
from tests.faults.client import Target
from tests.faults.killer import Victim
from tests.faults.table import Outcomes
from wistro.compiler import check_lock
from wistro.languages.node.build import build
from wistro.lock import file
from wistro.protocol.ids import show
from wistro.records.index import RecordsIndex

PROJECT = Path(__file__).parent / "project"
STAGES = ("taken", "noted", "finished")
MODULE = "tests.faults.engine_process"
SABOTAGED = "tests.faults.sabotaged_process"
STARTED_WITHIN_S = 30.0
DRAINED_WITHIN_S = 60.0


class EndedAtOnce(Exception):
    """The engine ended before it served."""


class EngineSystem:
    """`async with` it: an engine that serves the project in `folder`, restarted whenever it dies."""

    def __init__(
        self,
        folder: Path,
        *,
        root: Path | None = None,
        sabotage: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """`root`: where the project is or is to be, as on a disk of its own; `environ` is added to the engine's.
        `sabotage` names a promise that it breaks (sabotaged_process.py)."""
        self.folder = folder
        self.root = root or folder / "project"
        self.ended: list[int] = []  # exit codes of engines that ended unasked
        self.effects = folder / "effects.log"
        self.target = Target(port=free_ports(1)[0])
        self.victims = [
            Victim("engine", self._engine),
            *(Victim(f"host {one}", partial(self._hosts, one)) for one in ("python", "node")),
        ]
        self._drained_within_s = 10.0 if sabotage else DRAINED_WITHIN_S
        self._module = SABOTAGED if sabotage else MODULE
        self._arguments = [sabotage] if sabotage else []
        self._environ = dict(environ or {})
        self._popen: subprocess.Popen[bytes] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._is_stopping = False
        self._started: set[procs.Identity] = set()  # every process that was seen below us

    async def __aenter__(self) -> EngineSystem:
        if not self.root.exists():
            await asyncio.to_thread(prepare, self.root)
        self._start()
        self._keeper = asyncio.create_task(self._keep())
        await self._wait_served()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        await asyncio.to_thread(procs.end, self._started, grace_s=5)

    async def stop(self) -> None:
        """End it as an operator would: it drains."""
        self._is_stopping = True
        if self._popen is not None and self._popen.poll() is None:
            self._popen.send_signal(signal.SIGTERM)
        if self._keeper is not None:
            async with asyncio.timeout(30):
                await self._keeper

    @asynccontextmanager
    async def replaced(self) -> AsyncIterator[subprocess.Popen[bytes]]:
        """Stop the engine and give its store to another on another port; after the block the first goes on.

        One that was stopped while it held the file's lock is let go on until it has not.
        """
        assert self._popen is not None
        assert self._keeper is not None
        self._keeper.cancel()
        zombie = self._popen
        self._hosts("")  # they are its own, and are ended with it
        while True:
            zombie.send_signal(signal.SIGSTOP)
            self.target.port = free_ports(1)[0]
            self._start()
            try:
                await self._wait_served()
                break
            except EndedAtOnce:
                zombie.send_signal(signal.SIGCONT)
                await asyncio.sleep(0.01)
        self._keeper = asyncio.create_task(self._keep())
        try:
            yield zombie
        finally:
            zombie.send_signal(signal.SIGCONT)

    async def settled(self) -> None:
        """Let what was accepted come to its end, as a reader of the file sees it from outside; then end the engine."""
        until = time.monotonic() + self._drained_within_s
        while left := await asyncio.to_thread(self._left):
            if time.monotonic() > until:
                raise TimeoutError(f"after {self._drained_within_s:g} s there were still {left}")
            await asyncio.sleep(0.05)
        await self.stop()

    def outcomes(self) -> Outcomes:
        """Read from the files, once the engine has ended."""
        with closing(self._open("store.db")) as db:
            counts = {stage: counts_of(db, stage) for stage in STAGES}
        with closing(RecordsIndex(self.root / ".wistro")) as index:
            index.catch_up()
        with closing(self._open("records.db")) as db:
            done = [
                show("run", id)
                for (id,) in db.execute("SELECT run_id FROM runs WHERE status = 'done'")
            ]
            counted = db.execute(
                "SELECT run_id, step FROM attempts WHERE outcome = 'done' GROUP BY run_id, step HAVING count(*) > 1"
            )
            repeated = [f"{show('run', run_id)} {step}" for run_id, step in counted]
        return Outcomes(counts, frozenset(done), repeated)

    def tries(self) -> Counter[str]:
        """How often each step was begun for each key, as an effect outside of every transaction counted it."""
        lines = self.effects.read_text().splitlines() if self.effects.exists() else []
        return Counter(lines)

    def log(self) -> str:
        return (self.folder / "engine.log").read_text()

    def _start(self) -> None:
        port = str(self.target.port)
        with (self.folder / "engine.log").open("ab") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", self._module, str(self.root), port, *self._arguments],
                cwd=CHECKOUT,
                env=own_environ() | {"FAULTS_EFFECTS": str(self.effects)} | self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def _keep(self) -> None:
        while True:
            assert self._popen is not None
            await procs.exited(self._popen)
            if self._is_stopping:
                return
            self.ended.append(self._popen.returncode)
            self._start()

    async def _wait_served(self) -> None:
        until = time.monotonic() + STARTED_WITHIN_S
        while time.monotonic() < until:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.target.port)
            except OSError:
                if self._popen is not None and self._popen.poll() is not None:
                    raise EndedAtOnce(self.log()[-3000:]) from None
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
        raise TimeoutError(f"the engine did not start:\n{self.log()[-3000:]}")

    def _engine(self) -> list[procs.Identity]:
        found = procs.identify(self._popen.pid) if self._popen else None
        return [found] if found else []

    def _hosts(self, language: str) -> list[procs.Identity]:
        engine = self._engine()
        hosts = procs.descendants(one.pid for one in engine)
        self._started |= {*hosts, *engine}
        return [one for one in hosts if f"languages/{language}/" in _command(one)]

    def _left(self) -> str:
        with closing(self._open("store.db")) as db:
            return left_in(db, "runs", "deliveries")

    def _open(self, name: str) -> sqlite3.Connection:
        path = self.root / ".wistro" / name
        return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)


def own_environ() -> dict[str, str]:
    """The harness's environment without the Hub's folder of blobs, which is no bucket of an engine's."""
    return {name: value for name, value in os.environ.items() if name != "WISTRO_BLOBS"}


def _command(one: procs.Identity) -> str:
    try:
        return Path(f"/proc/{one.pid}/cmdline").read_text()
    except OSError:
        return ""


def prepare(root: Path) -> None:
    """A copy of the project, locked and built."""
    shutil.copytree(Path(_prepared().name) / "project", root, symlinks=True)


@cache
def _prepared() -> tempfile.TemporaryDirectory[str]:
    """Once a process: it is the same for every engine."""
    kept = tempfile.TemporaryDirectory(prefix="wistro-faults-project-")
    _prepare(Path(kept.name) / "project")
    return kept


def _prepare(root: Path) -> None:
    shutil.copytree(PROJECT, root)
    compiled = check_lock(root).compiled
    if compiled.lock is None:
        raise RuntimeError(f"the project does not compile: {compiled.problems}")
    (root / file.NAME).write_bytes(file.write(compiled.lock))
    build(root, compiled.lock)


def counts_of(db: sqlite3.Connection, stage: str) -> dict[str, int]:
    rows = db.execute('SELECT key, value FROM state WHERE "group" = ?', (stage,))
    return {key: json.loads(value) for key, value in rows}


def left_in(db: sqlite3.Connection, *tables: str) -> str:
    """`3 runs, 1 deliveries`, or nothing when these tables are empty."""
    counts = [
        (db.execute(f"SELECT count(*) FROM {table}").fetchone()[0], table) for table in tables
    ]
    return ", ".join(f"{count} {table}" for count, table in counts if count)
