"""The store of an environment that several engines share: one PostgreSQL schema, written by group commit.

What waits is gathered into one transaction on the one writing connection, in most cases a single round trip. A group
whose answer is lost is *unknown*: nothing of it is acknowledged until the next connection finds out whether it was
committed (`engines.last_group`), and if it was not, it is sent again. Commits are durable (synchronous_commit).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import AsyncConnection

from wistro.store.numbering import numbered
from wistro.store.port import (
    Admission,
    Admitted,
    Chunk,
    DeliveryRow,
    Others,
    RunRow,
    StoreAway,
    StoreBroken,
    StoreFull,
    Unit,
    Unnumbered,
)
from wistro.store.postgres.among import AmongEngines
from wistro.store.postgres.connecting import (
    address_of,
    answering,
    connect,
    hang_up,
    is_lost,
    name_of,
    readable,
)
from wistro.store.postgres.groups import (
    Applying,
    Asked,
    Asking,
    Claim,
    Group,
    RunRead,
    Submitted,
    Waiting,
)
from wistro.store.postgres.membership import BEAT_S, LEASE_S, REGISTER, Membership
from wistro.store.postgres.schema import migrate

log = logging.getLogger("wistro.store")

GROUP_UNITS = 512
AWAY_AFTER_S = 2.0  # callers are told to come again once a group waits for the server for so long
AGAIN_S, AGAIN_CAP_S = 0.05, 1.0
CONFLICTS = 10  # a group that meets a deadlock is sent again so often
LINES_HELD = 50_000  # while the server is away; what is beyond is a gap
SEQS_A_BOOT = 1 << 36
TOLD_WITHIN_S = 10.0
FULL = ("53100",)
CONFLICT = ("40001", "40P01", "55P03")

HANG_UP_ON_EARLIER = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = %s AND datname = current_database() AND pid <> pg_backend_pid()
"""
NEXT_SESSION = "UPDATE engines SET session = session + 1 WHERE boot = %s RETURNING session, last_group, is_gone"


class PostgresStore(AmongEngines):
    """`Store` on one schema. `stream` names this boot; ids and times come with the units."""

    has_versions = True

    def __init__(
        self, url: str, *, stream: str, lease_s: float = LEASE_S, beat_s: float = BEAT_S
    ) -> None:
        super().__init__(address_of(url))
        self.stream = stream
        self._lease_s, self._beat_s = lease_s, beat_s
        self._others = NOBODY
        self._seq = 0
        self._group = 0
        self._waiting: list[Waiting] = []
        self._lines: list[Unnumbered] = []
        self._lines_lost = 0
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._away_since: float | None = None
        self._broken: StoreBroken | None = None
        self._is_closing = False
        self._run_seq = self._delivery_seq = 0

    def share(self, others: Others) -> None:
        self._others = others

    async def start(
        self, *, on_chunk: Callable[[Chunk], None], on_broken: Callable[[StoreBroken], None]
    ) -> None:
        """Migrate, register and begin to commit. Raises StoreUnreadable, StoreNewer."""
        self._loop = asyncio.get_running_loop()
        self._on_chunk, self._on_broken = on_chunk, on_broken
        with readable(self._address):
            first = await connect(self._address, name="wistro")
            async with first:
                await migrate(first, self._address.schema)
                registered = await first.execute(REGISTER, [self.stream, self._lease_s])
                row = await registered.fetchone()
            assert row is not None
            self._boot = row[0]
            self._run_seq = self._delivery_seq = self._boot * SEQS_A_BOOT
            await self._connect()
            self._members = Membership(
                self._address,
                boot=self._boot,
                others=self._others,
                broken=self._break,
                lease_s=self._lease_s,
                beat_s=self._beat_s,
            )
            await self._members.start()
        self._writing = self._loop.create_task(self._write())

    async def serve(self, deployment_id: str) -> None:
        await self._members.serve(deployment_id)

    async def leave(self, deployment_id: str) -> None:
        await self._members.leave(deployment_id)

    def submit(self, unit: Unit, *, then: Callable[[], None] | None = None) -> asyncio.Future[None]:
        return self._enqueue(Submitted(unit, then))

    def claim(
        self, deployment_id: str, step: str, *, due_at_us: int, limit: int
    ) -> asyncio.Future[list[tuple[DeliveryRow, RunRow]]]:
        return self._enqueue(Claim(deployment_id, step, due_at_us, limit))

    def admit(self, admission: Admission) -> asyncio.Future[Admitted]:
        return self._enqueue(Asking(admission))

    async def run(self, run_id: str) -> RunRow | None:
        return await self._enqueue(RunRead(run_id))

    async def delivery(self, seq: int) -> tuple[DeliveryRow, RunRow] | None:
        if (found := await super().delivery(seq)) is None:
            return None
        row, seen = found
        live = await self.run(
            seen.run_id
        )  # behind all that is on its way, so that its count is right
        return (row, live) if live is not None and live.seq == seen.seq else None

    def line(self, line: Unnumbered) -> None:
        if len(self._lines) >= LINES_HELD:
            self._lines_lost += 1
            return
        self._lines.append(line)
        self._wake.set()

    def next_run_seq(self) -> int:
        self._run_seq += 1
        return self._run_seq

    def next_delivery_seq(self) -> int:
        self._delivery_seq += 1
        return self._delivery_seq

    # Groups

    def _enqueue(self, work: Submitted | Asked) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self._loop.create_future()
        if self._broken is not None:
            future.set_exception(self._broken)
        elif self._is_away:
            future.set_exception(StoreAway("the store does not answer"))
        else:
            self._waiting.append((work, future))
            self._idle.clear()
            self._wake.set()
        return future

    @property
    def _is_away(self) -> bool:
        since = self._away_since
        return since is not None and self._loop.time() - since > AWAY_AFTER_S

    async def _write(self) -> None:
        try:
            while self._broken is None:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting and self._broken is None:
                    waiting = self._waiting[:GROUP_UNITS]
                    del self._waiting[:GROUP_UNITS]
                    await self._commit(waiting)
                self._flush_lines()
                if not self._waiting:
                    self._idle.set()
        except StoreBroken as broken:
            self._break(broken)
        except Exception as error:
            log.exception("the store's writer failed")
            self._break(StoreBroken(str(error)))

    async def _commit(self, waiting: list[Waiting]) -> None:
        self._group += 1
        group = self._current = Group(self._group, waiting, self._seq)
        timer = self._loop.call_later(AWAY_AFTER_S, self._fail_waiting)
        self._away_since = self._loop.time()
        try:
            await self._apply(group)
        except StoreFull as full:
            self._fail([*group.waiting, *self._taken_waiting()], full)
        except StoreBroken as broken:
            self._fail(group.waiting, broken)
            raise
        else:
            self._told(group)
        finally:
            timer.cancel()
            self._away_since = None

    async def _apply(self, group: Group) -> None:
        conflicts = 0
        while True:
            try:
                with answering(self._connection):
                    await self._applying.apply(group)
                return
            except (psycopg.Error, TimeoutError, OSError) as error:
                state = getattr(error, "sqlstate", None)
                if is_lost(error):
                    if await self._find_out(group):
                        return
                    continue
                if state in CONFLICT and (conflicts := conflicts + 1) < CONFLICTS:
                    await self._roll_back()
                    continue
                await self._roll_back()
                if state in FULL:
                    raise StoreFull(str(error)) from error
                raise StoreBroken(f"{type(error).__name__}: {error}") from error

    async def _find_out(self, group: Group) -> bool:
        """On a new connection, for as long as it takes: whether the group was committed."""
        wait_s = AGAIN_S
        while True:
            try:
                hang_up(self._connection)
                await self._connection.close()
                last_group = await self._connect()
                is_committed = last_group >= group.number
                if is_committed:
                    await self._applying.found(group)
                return is_committed
            except (psycopg.Error, TimeoutError, OSError) as error:
                if not is_lost(error):
                    raise StoreBroken(f"{type(error).__name__}: {error}") from error
                log.warning("the store cannot be reached: %s", str(error).strip() or "no answer")
            if self._is_closing or self._broken is not None:
                raise StoreBroken("the store cannot be reached, and the engine ends")
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, AGAIN_CAP_S)

    async def _connect(self) -> int:
        """The writing connection; what an earlier one still sends is refused. Returns the last group committed."""
        name = name_of(self._address, self._boot)
        self._connection: AsyncConnection = await connect(self._address, name=name)
        with answering(self._connection):
            await self._connection.execute(HANG_UP_ON_EARLIER, [name])
            cursor = await self._connection.execute(NEXT_SESSION, [self._boot])
            row = await cursor.fetchone()
        if row is None or row[2]:
            raise StoreBroken("another engine has taken over what this one had to do")
        session, last_group, _ = row
        self._applying = Applying(
            self._connection, boot=self._boot, session=session, stream=self.stream
        )
        return last_group

    async def _roll_back(self) -> None:
        if self._connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            with contextlib.suppress(psycopg.Error):
                await self._connection.execute("ROLLBACK")

    def _told(self, group: Group) -> None:
        if group.records:
            self._seq = group.seq
            lines = b"".join(group.records)
            first = group.seq_before + 1
            self._on_chunk(Chunk(self.stream, first, group.seq, lines, durable=True))
        self._flush_lines()
        for work, future in group.waiting:
            if isinstance(work, Submitted) and work.then is not None:
                self._loop.call_soon(work.then)
            if not future.done():
                future.set_result(_result(work))

    def _fail_waiting(self) -> None:
        """The group under way is unknown and stays so; those behind it were never sent."""
        log.warning("the store does not answer; callers are told to come again")
        self._fail(self._taken_waiting(), StoreAway("the store does not answer"))

    def _taken_waiting(self) -> list[Waiting]:
        waiting, self._waiting = self._waiting, []
        return waiting

    @staticmethod
    def _fail(waiting: list[Waiting], reason: Exception) -> None:
        for _, future in waiting:
            if not future.done():
                future.set_exception(reason)

    def _break(self, broken: StoreBroken) -> None:
        if self._broken is not None:
            return
        self._broken = broken
        self._fail(self._taken_waiting(), broken)
        self._idle.set()
        self._wake.set()
        self._on_broken(broken)

    def _flush_lines(self) -> None:
        if not self._lines:
            return
        lines, self._lines = self._lines, []
        first = self._seq + 1
        parts, last = numbered(lines, after=self._seq)
        self._on_chunk(Chunk(self.stream, first, last, b"".join(parts), durable=False))
        self._seq = last + self._lines_lost  # what was dropped is a gap
        self._lines_lost = 0

    # The end

    async def close(self) -> None:
        """Commit what waits, and let others have what is left; a broken store closes without committing."""
        if self._broken is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TOLD_WITHIN_S):
                    await self._idle.wait()
            self._flush_lines()
        self._is_closing = True
        await self._end_writing()
        await self._members.close()
        await self.close_reads()

    async def abandon(self) -> None:
        """End without a word, as a killed process does: what it had to do waits for its lease to run out."""
        self._is_closing = True
        self._broken = StoreBroken("the store is abandoned")
        self._idle.set()
        await self._end_writing()
        await self._members.abandon()
        await self.close_reads()

    async def _end_writing(self) -> None:
        self._writing.cancel()
        hang_up(self._connection)
        await asyncio.gather(self._writing, return_exceptions=True)
        await self._connection.close()


def _result(work: Submitted | Asked) -> Any:
    if isinstance(work, Asking):
        return work.admitted
    if isinstance(work, Claim):
        return work.taken
    return work.found if isinstance(work, RunRead) else None


NOBODY = Others(
    moved=lambda moved: None,
    left=lambda chunks, streams: None,
    command=lambda command: None,
    idle_steps=lambda deployment_id: [],
)
