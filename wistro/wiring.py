"""The only place that picks adapters: which store, sink, launcher and clock an engine runs on.

`local_engine` is `wistro dev` and `wistro start`: one deployment, SQLite under `.wistro/` or a shared PostgreSQL, records kept for the local
screens. `fleet_engine` is an environment on a machine of the fleet: several deployments, records spooled for shipping.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import random
import sys
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

from wistro.blobs import address
from wistro.blobs.files import FileBlobs
from wistro.blobs.port import Blobs
from wistro.blobs.s3 import S3Blobs
from wistro.blobs.s3_client import S3Client
from wistro.compiler.settings import read_settings
from wistro.engine.clock import Clock, Ids, SystemClock
from wistro.engine.engine import Engine
from wistro.engine.limits import Limits
from wistro.engine.loaded import Deployment, OnLine
from wistro.errors import UserError
from wistro.hosts.plain import PlainLauncher
from wistro.hosts.pool import HostPool, Project, Sizes
from wistro.hosts.port import Hosts, Launcher
from wistro.hosts.project import passed_on
from wistro.lock import file
from wistro.lock.model import CronTrigger, Lock, LockedState
from wistro.protocol.frames import StepCode
from wistro.protocol.ids import new_id
from wistro.records.index import SPOOL, RecordsIndex
from wistro.records.local import LocalRecords
from wistro.records.local_reads import LocalReads
from wistro.records.port import Sink
from wistro.records.spool import Spool
from wistro.state.elsewhere import ReadsElsewhere, StateElsewhere
from wistro.state.files import FilesState
from wistro.state.port import StateAdapter, StateUnreachable
from wistro.state.redis import RedisState
from wistro.store.addresses import reads_at, store_at
from wistro.store.port import Chunk, Reads, Store, StoreBroken, Unit
from wistro.store.sqlite import SqliteStore
from wistro.store.sqlite_file import check_schema, connect, readable
from wistro.store.sqlite_reads import SqliteReads
from wistro.triggers.cron import Cron
from wistro.variables import FILE as ENV_FILE
from wistro.variables import read_env_file

log = logging.getLogger("wistro")

LOCAL = "local"  # the one deployment of `wistro dev` and `wistro start`
STORE = "store.db"
STORE_SETTING = "WISTRO_STORE"
BLOBS = "blobs"
EXIT_BROKEN = 70
# A thread that wants the interpreter gets it within this; Python's 5 ms would be most of a flow's latency.
SWITCH_INTERVAL_S = 0.000_5
# A call leaves no cycles to look for, and at Python's 700 objects the collector looks several times a call.
COLLECT_AFTER = (20_000, 20, 100)


class StateOfOneFolder(UserError):
    """`state: {adapter: files}`, and a store that several engines share: each would see files of its own."""

    code = "state.one-folder"
    hint = "Keep state in the store, which all of them share, or in Redis."


class Environment:
    """One environment's engine with its clockwork. Started and closed once."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self.cron = Cron(
            engine, schedules=self._schedules, cursors=_StoreCursors(engine), now_us=clock.now_us
        )

    async def start(self) -> None:
        await self.engine.start()
        self.cron.start()

    async def load(self, deployment: Deployment) -> None:
        """Load it, or replace what is loaded under its id."""
        await self.engine.load(deployment)
        self.cron.changed()

    def set_primary(self, deployment_id: str | None) -> None:
        self.engine.set_primary(deployment_id)
        self.cron.changed()

    async def close(self, *, grace_s: float = 10.0) -> None:
        await self.cron.close()
        await self.engine.close(grace_s=grace_s)

    def _schedules(self) -> list[CronTrigger]:
        primary = self.engine.primary
        return primary.lock.triggers.cron if primary else []


class LocalEnvironment(Environment):
    """A project on this machine. `reads` is what the local screens and `wistro runs` read."""

    def __init__(
        self,
        engine: Engine,
        clock: SystemClock,
        *,
        root: Path,
        launcher: Launcher,
        records: RecordsIndex,
        state: StateElsewhere,
        is_shared: bool = False,
    ) -> None:
        super().__init__(engine, clock)
        self._state = state
        self._is_shared = is_shared  # with other engines, each in a folder of its own
        self._root = root
        self._launcher = launcher
        self._lock: Lock | None = None
        self._hosts: HostPool | None = None  # of the lock in use
        self._records = records
        self.reads = LocalReads(records, lock_of=lambda _: self._lock)

    async def use(
        self,
        lock: Lock,
        *,
        variables: Mapping[str, str],
        built: Mapping[str, str] | None = None,
        stale: Collection[str] | None = None,
    ) -> None:
        """Run this lock from now on; what an earlier one left to do is done by it. `built`: step id -> node's module.

        Hosts of languages that are not `stale` go on, where the lock says of them what the earlier one did; None is
        every language. Raises StateUnreachable, and goes on as before, when the lock keeps state where nobody answers.
        """
        where = _state_place(lock.state, variables)
        if where is not None and where.adapter == "files" and self._is_shared:
            raise StateOfOneFolder(
                "state in files is for one engine, and others may share this store"
            )
        await self._state.use(where, lambda: _state_adapter(where, self._root))
        self._lock = lock
        made = deployment(
            LOCAL,
            lock,
            root=self._root,
            launcher=self._launcher,
            variables=variables,
            secrets=frozenset(one.name for one in lock.env if one.default is None),
            built=built,
            is_warm=True,
            reads=[self.engine.blobs.folder],
            before=self._hosts if stale is not None else None,
            stale=stale or (),
        )
        await self.load(replace(made, hosts=partial(self._made_hosts, made)))

    def _made_hosts(self, made: Deployment, on_line: OnLine) -> Hosts:
        hosts = made.hosts(on_line)
        assert isinstance(hosts, HostPool)
        self._hosts = hosts
        return hosts

    async def close(self, *, grace_s: float = 10.0) -> None:
        await super().close(grace_s=grace_s)
        self.reads.close()
        self._records.close()


def local_engine(
    root: Path,
    *,
    folder: Path | None = None,
    store: str | None = None,
    launcher: Launcher | None = None,
    limits: Limits | None = None,
    on_broken: Callable[[StoreBroken], None] | None = None,
    on_kept: Callable[[list[Chunk]], None] = lambda chunks: None,
) -> LocalEnvironment:
    """An engine for the project at `root`, its data in `folder` (default: `.wistro` there). `start`, then `use`.

    `store` is the URL of one that several engines share; without it, a file in `folder`. `on_kept` is told, in another thread, what was written of the records, secrets taken out.
    """
    folder = folder or root / ".wistro"
    clock = SystemClock()
    records = RecordsIndex(folder)
    sink = LocalRecords(records, on_kept=on_kept)
    blobs = blobs_at(os.environ.get(address.SETTING, ""), folder / BLOBS, os.environ)
    state = StateElsewhere(_store(folder, store))
    engine = _engine(cast(Store, state), sink, clock, limits, on_broken, blobs)
    return LocalEnvironment(
        engine,
        clock,
        root=root,
        launcher=launcher or PlainLauncher(),
        records=records,
        state=state,
        is_shared=store is not None,
    )


def _state_place(state: LockedState | None, variables: Mapping[str, str]) -> LockedState | None:
    """With the address itself in place of the variable that holds it. Raises StateUnreachable."""
    if state is None or state.url is None or not state.url.startswith("$"):
        return state
    if not (url := variables.get(state.url[1:])):
        raise StateUnreachable(f"`{state.url}`, where state is kept, has no value")
    return LockedState(state.adapter, url, state.prefix)


def _state_adapter(where: LockedState | None, root: Path) -> StateAdapter | None:
    if where is None:
        return None
    if where.adapter == "files":
        return FilesState(root / ".wistro" / "state")
    return RedisState(where.url or "", prefix=where.prefix or "wistro")


@dataclass(frozen=True)
class Kept:
    """What a project's folder holds while nothing runs it; None for what was never written."""

    reads: LocalReads | None
    store: Reads | None
    lock: Callable[[], Lock | None]


@contextlib.asynccontextmanager
async def kept_files(root: Path) -> AsyncIterator[Kept]:
    """Read a project's files as they lie there; nothing of what is still to do is changed."""
    folder = root / ".wistro"
    lock: Lock | None = None
    with contextlib.suppress(UserError):  # without it, steps and endpoints are named by their ids
        lock = file.read(root / file.NAME)
    async with contextlib.AsyncExitStack() as last:
        reads = store = None
        if (folder / SPOOL).is_dir():
            index = last.enter_context(contextlib.closing(RecordsIndex(folder)))
            reads = LocalReads(index, lock_of=lambda _: lock)
            last.callback(reads.close)
        if url := os.environ.get(STORE_SETTING):
            store = await reads_at(url)
            last.push_async_callback(store.close_reads)
        elif (folder / STORE).is_file():
            with readable(folder / STORE):
                db = last.enter_context(contextlib.closing(connect(folder / STORE, read_only=True)))
                check_schema(db, folder / STORE)
            store = SqliteReads(db)
        if store is not None and (adapter := kept_state(root)) is not None:
            last.push_async_callback(adapter.close)
            store = cast(Reads, ReadsElsewhere(store, adapter))
        yield Kept(reads, store, lambda: lock)


def kept_state(root: Path) -> StateAdapter | None:
    """Where the project's wistro.yml keeps state, not started; None for the store. Raises StateUnreachable."""
    settings, _ = read_settings(root)
    given = {**read_env_file(root / ENV_FILE), **os.environ}
    return _state_adapter(_state_place(settings.state, given), root)


def fleet_engine(
    folder: Path,
    *,
    store: str | None = None,
    blobs: Blobs | None = None,
    limits: Limits | None = None,
    on_broken: Callable[[StoreBroken], None] | None = None,
) -> Environment:
    """An environment on this machine, its data in `folder`: `store.db` unless `store` is a URL, and `spool/` for the
    shipper. `load` what `deployment` makes, with the sandbox's launcher."""
    clock = SystemClock()
    blobs = blobs or FileBlobs(folder / BLOBS)
    engine = _engine(_store(folder, store), Spool(folder / SPOOL), clock, limits, on_broken, blobs)
    return Environment(engine, clock)


def blobs_at(where: str, folder: Path, values: Mapping[str, str], *, below: str = "") -> Blobs:
    """In `folder`, or in the bucket that `where` names with `folder` for what is read of it. Raises BadBlobs."""
    if not where:
        return FileBlobs(folder)
    return S3Blobs(S3Client(address.bucket_of(where, values, below=below)), folder)


def deployment(
    id: str,
    lock: Lock,
    *,
    root: Path,
    launcher: Launcher,
    variables: Mapping[str, str],
    secrets: frozenset[str] = frozenset(),
    built: Mapping[str, str] | None = None,
    version: int | None = None,
    environ: dict[str, str] | None = None,
    label: str = "host",
    sizes: Sizes | None = None,
    is_warm: bool = False,
    reads: Sequence[Path] = (),
    before: HostPool | None = None,
    stale: Collection[str] = (),
) -> Deployment:
    """A version to load. Hosts get the values of the variables that the lock declares, and no others.

    `is_warm`: a host of each language starts at once, not with the first call; no step is imported by that.
    `reads`: folders besides the project's that a host may read, such as that of the blobs. `before`, `stale`: as in
    HostPool, whose hosts go on where nothing of theirs changed.
    """
    declared = {
        one.name: variables.get(one.name, one.default)
        for one in lock.env
        if variables.get(one.name, one.default) is not None
    }
    steps: dict[str, dict[str, StepCode]] = {}
    for step_id, step in lock.steps.items():
        if step.config.type != "noop":
            code = StepCode(step.file, (built or {}).get(step_id))
            steps.setdefault(step.language, {})[step_id] = code
    project = Project(
        root=root,
        steps=steps,
        env={name: value for name, value in declared.items() if value is not None},
        runtimes=lock.runtimes,
        egress=lock.egress,
        label=label,
        environ=environ if environ is not None else passed_on(),
        reads=tuple(reads),
    )

    def hosts(on_line: OnLine) -> Hosts:
        pool = HostPool(
            project, launcher=launcher, on_line=on_line, sizes=sizes, before=before, stale=stale
        )
        if is_warm:
            pool.warm_soon()
        return pool

    return Deployment(
        id=id,
        lock=lock,
        root=root,
        hosts=hosts,
        version=version,
        variables=variables,
        secrets=secrets,
    )


def _engine(
    store: Store,
    sink: Sink,
    clock: SystemClock,
    limits: Limits | None,
    on_broken: Callable[[StoreBroken], None] | None,
    blobs: Blobs,
) -> Engine:
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(*COLLECT_AFTER)
    return Engine(
        store=store,
        sink=sink,
        clock=clock,
        ids=Ids(clock),
        chance=random.SystemRandom(),
        limits=limits,
        blobs=blobs,
        on_broken=on_broken or _exit,
    )


def _store(folder: Path, url: str | None) -> Store:
    """Raises UnknownStore, NoPostgres."""
    stream = str(new_id())
    return store_at(url, stream=stream) if url else SqliteStore(folder / STORE, stream=stream)


def _exit(error: StoreBroken) -> None:
    """What is acknowledged is on disk; what is not is replayed by the next boot. An fsync is never tried again."""
    log.critical("the store failed, stopping: %s", error)
    sys.stderr.flush()
    os._exit(EXIT_BROKEN)


class _StoreCursors:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def cursor(self, schedule_id: str) -> int | None:
        return await self._engine.store.cursor(schedule_id)

    async def settle(self, schedule_id: str, until_us: int) -> None:
        await self._engine.store.submit(Unit(cursor=(schedule_id, until_us)))
