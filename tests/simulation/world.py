"""A world whose time, chance, ids, disk and crashes are chosen by the test: engines boot, run and die in it.

One boot is one event loop with its own store on the same file. A loop's time moves only when the world's does, and a
group that the store wants committed waits until the test says how that goes.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec

from tests.factories.engine import InMemoryHosts, Step, a_deployment
from wistro.engine.clock import Ids
from wistro.engine.engine import Engine
from wistro.engine.limits import Limits
from wistro.hosts.port import Asks, HostCall, HostLost, Outcome
from wistro.lock.model import Lock
from wistro.records.port import NoSink
from wistro.store.port import Chunk, StoreBroken, StoredAnswer, Unit
from wistro.store.sqlite import SqliteStore

MEMORY = Path("/dev/shm")
LONGEST_WAIT_US = 20 * 1_000_000
TURNS = 20_000  # more loop iterations than any quiet world needs


def at_once(reading: Coroutine[Any, Any, Any]) -> Any:
    """What the embedded store reads, outside of any loop: its reads wait for nothing."""
    try:
        reading.send(None)
    except StopIteration as read:
        return read.value
    raise AssertionError("it waits")


class Clock:
    """Starts on a whole minute and stands still until it is moved. The clock on the wall may also be set."""

    def __init__(self) -> None:
        self._us = self.latest_us = 1_700_000_040 * 1_000_000
        self._ahead_us = 0

    def now_us(self) -> int:
        """On the wall."""
        return self._us + self._ahead_us

    def elapsed_us(self) -> int:
        """By a clock that nobody sets."""
        return self._us

    def move(self, us: int) -> None:
        self._us += us
        self.latest_us = max(self.latest_us, self.now_us())

    def set(self, by_us: int) -> None:
        """Somebody sets the clock on the wall forward, or back."""
        self._ahead_us += by_us
        self.latest_us = max(self.latest_us, self.now_us())


class Loop(asyncio.SelectorEventLoop):
    """Goes one iteration at a time, by the world's clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._world_clock = clock

    def time(self) -> float:
        return self._world_clock.elapsed_us() / 1e6

    def turn(self) -> None:
        self.call_soon(self.stop)
        self.run_forever()

    @property
    def is_quiet(self) -> bool:
        """Nothing is ready: only time, or a commit, brings more."""
        return not self._ready  # type: ignore[attr-defined]

    @property
    def next_timer_at(self) -> float | None:
        live = [one.when() for one in self._scheduled if not one.cancelled()]  # type: ignore[attr-defined]
        return min(live, default=None)


class SimulatedStore(SqliteStore):
    """Commits when it is told to; after `die` it neither keeps nor tells anything, as a killed process."""

    is_dead = False

    def __init__(self, path: Path, *, stream: str) -> None:
        super().__init__(path, stream=stream)
        self._db.execute("PRAGMA busy_timeout = 0")  # waiting for another's lock would be real time

    async def start(
        self, *, on_chunk: Callable[[Chunk], None], on_broken: Callable[[StoreBroken], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_chunk = on_chunk
        self._on_broken = on_broken

    @property
    def wants_commit(self) -> bool:
        return self._committing is not None and not self.is_dead

    def commit(self) -> None:
        self._db.execute("COMMIT")
        self._committed(None)

    def fail_full(self) -> None:
        """The disk is full: nothing of the group is kept, and the engine lives on."""
        self._fail(sqlite3.SQLITE_FULL)

    def fail_broken(self) -> None:
        """An fsync failed: the engine must end."""
        self._fail(sqlite3.SQLITE_IOERR)

    def _fail(self, code: int) -> None:
        error = sqlite3.OperationalError("simulated")
        error.sqlite_errorcode = code
        self._committed(error)

    def die(self, *, after_commit: bool) -> None:
        """The process ends here: its open group is on disk or it is not, and nobody is told."""
        if after_commit and self.wants_commit:
            self._db.execute("COMMIT")
        self.is_dead = True
        self._db.close()

    def submit(self, unit: Unit, *, then: Callable[[], None] | None = None) -> asyncio.Future[None]:
        if self.is_dead:
            return self._loop.create_future()
        return super().submit(unit, then=then)

    async def answer(self, key: str, *, now_us: int) -> StoredAnswer | None:
        return None if self.is_dead else await super().answer(key, now_us=now_us)

    def count(self, table: str) -> int:
        (count,) = self._reader.execute(f"SELECT count(*) FROM {table}").fetchone()
        return count

    def close_reader(self) -> None:
        self._reader.close()


class Hosts(InMemoryHosts):
    """Hosts that die when a step says so, or when they are closed under it."""

    def __init__(self, steps: dict[str, Step]) -> None:
        super().__init__(steps)
        self._calling: set[asyncio.Task[Any]] = set()

    async def call(self, call: HostCall, asks: Asks) -> Outcome:
        task = asyncio.current_task()
        assert task is not None
        self._calling.add(task)
        try:
            return await super().call(call, asks)
        except HostDied:
            return HostLost(call.alone, "signal 9", "")
        except asyncio.CancelledError:
            if self.is_closed and not task.uncancel():
                return HostLost(False, "signal 9", "")
            raise
        finally:
            self._calling.discard(task)

    async def close(self, *, grace_s: float) -> None:
        if self._calling:
            await asyncio.wait([asyncio.ensure_future(asyncio.sleep(grace_s))])
        self.is_closed = True
        for task in self._calling:
            task.cancel()


class HostDied(BaseException):
    """What a step raises that takes its host with it."""


class Records(NoSink):
    """What is kept outside, over all boots, by (stream, seq); each chunk may arrive more than once."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, int], bytes] = {}
        self.told: list[bytes] = []  # all that was taken, as it came
        self.conflicts: list[str] = []
        self._forgets: list[tuple[Callable[[str, int], None], str, int]] = []

    def start(
        self,
        *,
        leftovers: list[Chunk],
        streams: list[tuple[str, int]],
        at_us: int,
        forget: Callable[[str, int], None],
    ) -> None:
        self._forget = forget
        self.nobody_is_told()
        for chunk in leftovers:
            self.take(chunk)

    def take(self, chunk: Chunk) -> None:
        lines = chunk.lines.splitlines()
        self.told += lines
        if len(lines) != chunk.last - chunk.first + 1:
            self.conflicts.append(f"{chunk.stream} {chunk.first}-{chunk.last}: {len(lines)} lines")
        for seq, line in enumerate(lines, chunk.first):
            if self.lines.setdefault((chunk.stream, seq), line) != line:
                self.conflicts.append(f"{chunk.stream} {seq} is told twice, differently")
        if chunk.durable:
            self._forgets.append((self._forget, chunk.stream, chunk.last))

    def ship(self) -> None:
        """All that was taken is kept elsewhere now."""
        forgets, self._forgets = self._forgets, []
        for forget, stream, last in forgets:
            forget(stream, last)

    def nobody_is_told(self) -> None:
        """The process that was to be told of what is kept has ended."""
        self._forgets = []

    def in_order(self) -> list[dict[str, Any]]:
        """Of all boots, one after the other."""
        boots = sorted(self.lines, key=lambda at: (int(at[0].removeprefix("boot-")), at[1]))
        return [msgspec.json.decode(self.lines[at]) for at in boots]

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.in_order() if one["kind"] == kind]


class Boot:
    """One process: an engine on its loop."""

    def __init__(self, world: World, number: int) -> None:
        self.loop = Loop(world.clock)
        self.loop.set_exception_handler(self._raised)
        self.store = world.store_type(world.folder / "store.db", stream=f"boot-{number}")
        self.is_broken = False
        ids = Ids(world.clock, randomness=world.chance.randbytes)
        self.engine = Engine(
            store=self.store,
            sink=world.records,
            clock=world.clock,
            ids=ids,
            chance=world.chance,
            limits=world.limits,
            on_broken=self._broken,
        )
        self.hosts: list[Hosts] = []
        self._loading: set[str] = set()
        self._world = world
        self.starting = self.run(self._start())

    async def _start(self) -> None:
        await self.engine.start()
        for id in self._world.deployments:
            await self.load(id)

    async def load(self, id: str) -> None:
        self.hosts.append(Hosts(self._world.steps))
        await self.engine.load(a_deployment(self._world.lock, self.hosts[-1], id=id))

    def load_missing(self) -> bool:
        """Run again what was dropped; whether there was any that is not on its way already."""
        if not self.starting.done():
            return False
        missing = self.missing - self._loading
        for id in sorted(missing):
            self._loading.add(id)
            task = self.run(self.load(id))
            task.add_done_callback(lambda _, id=id: self._loading.discard(id))
        return bool(missing)

    @property
    def missing(self) -> set[str]:
        return set(self._world.deployments) - {one.id for one in self.engine.status()}

    @property
    def may_be_a_zombie(self) -> bool:
        """It has begun its work, and holds no lock on the file."""
        is_started = self.starting.done() and self.starting.exception() is None
        return is_started and not self.store.wants_commit

    @property
    def could_not_start(self) -> bool:
        """The disk was full at once, say: such a process ends with the error."""
        return self.starting.done() and self.starting.exception() is not None

    def run(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return self.loop.create_task(work)

    def die(self, *, after_commit: bool = False) -> None:
        self.store.die(after_commit=after_commit)
        for _ in range(TURNS):
            if not (left := asyncio.all_tasks(self.loop)):
                break
            for task in left:
                task.cancel()
            self.loop.turn()
        self.store.close_reader()
        self.loop.close()

    def _raised(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Something of the engine's raised and nobody looked; what a dying process says is its own affair."""
        if not self.store.is_dead:
            self._world.errors.append(f"{context['message']}: {context.get('exception')!r}")

    def _broken(self, _: StoreBroken) -> None:
        self.is_broken = True  # its process ends at once: the world lets it die


class World:
    """The disk and what is outside. `boot` is the living engine; `zombie` one that was thought dead."""

    def __init__(
        self,
        lock: Lock,
        steps: dict[str, Step],
        *,
        seed: int,
        limits: Limits | None = None,
        deployments: tuple[str, ...] = ("dep",),
        store_type: type[SimulatedStore] = SimulatedStore,
    ) -> None:
        memory = MEMORY if MEMORY.is_dir() else None
        self.folder = Path(tempfile.mkdtemp(prefix="wistro-simulation-", dir=memory))
        self.clock = Clock()
        self.chance = random.Random(seed)
        self.records = Records()
        self.lock = lock
        self.steps = steps
        self.limits = limits
        self.deployments = deployments
        self.store_type = store_type
        self.boots = 0
        self.errors: list[str] = []  # what was raised where nobody looks
        self._waited_us = 0
        self.rested_s = 0.0  # how long it took to come to rest
        self.zombie: Boot | None = None
        self.boot = self._booted()

    def turn(self, count: int = 1) -> None:
        for _ in range(count):
            for boot in [self.boot, *([self.zombie] if self.zombie else [])]:
                boot.loop.turn()
                self._let_zombie_commit()
        self.bury()

    def crash(self, *, after_commit: bool = False) -> None:
        self.boot.die(after_commit=after_commit)
        self.records.nobody_is_told()
        self.boot = self._booted()

    def take_over(self) -> None:
        """Another process takes the store while the old one still runs."""
        if self.zombie is not None:
            self.zombie.die()
        self.zombie, self.boot = self.boot, self._booted()

    def bury(self) -> None:
        """A process whose store broke has ended itself."""
        if self.zombie is not None and self.zombie.is_broken:
            self.zombie.die()
            self.zombie = None
        if self.boot.is_broken or self.boot.could_not_start:
            self.crash()

    def settle(self) -> None:
        """Nothing fails any more: run, commit and let time pass until nothing is left to do."""
        if self.zombie is not None:
            self.zombie.die()
            self.zombie = None
        began_us, self._waited_us = self.clock.elapsed_us(), 0
        for _ in range(TURNS):
            if self.boot.store.wants_commit:
                self.boot.store.commit()
            elif not self.boot.loop.is_quiet or self.boot.load_missing():
                self.turn()
            elif self._is_done():
                self.rested_s = (self.clock.elapsed_us() - began_us) / 1e6
                return
            else:
                self._pass_time()
        raise AssertionError("the world does not come to rest")

    def close(self) -> None:
        if self.zombie is not None:
            self.zombie.die()
        self.boot.die()
        shutil.rmtree(self.folder)

    def _is_done(self) -> bool:
        return (
            self.boot.starting.done()
            and not self.boot.missing
            and not at_once(self.boot.store.runs())
            and not any(one.in_flight for one in self.boot.hosts)
            and not any(one.in_flight for one in self.boot.engine.status())
        )

    def _pass_time(self) -> None:
        """To the next timer, and ever further: a clock that was set back by hours is waited for in few steps."""
        at = self.boot.loop.next_timer_at
        assert at is not None, "nothing to wait for"
        self._waited_us = self._waited_us * 21 // 20 + 1_000
        to_next_us = int((at - self.boot.loop.time()) * 1e6) + 1
        self.clock.move(max(to_next_us, min(self._waited_us, LONGEST_WAIT_US)))
        self.turn()

    def _let_zombie_commit(self) -> None:
        """At once, for what it has open locks the file; fenced as it is, it never gets so far."""
        if self.zombie is not None and self.zombie.store.wants_commit:
            self.zombie.store.commit()

    def _booted(self) -> Boot:
        self.boots += 1
        return Boot(self, self.boots)
