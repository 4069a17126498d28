"""One group of units as one transaction: in a single round trip when nothing of it is refused, else unit by unit."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, LiteralString, cast

import psycopg
from psycopg import AsyncConnection

from wistro.store.numbering import numbered
from wistro.store.port import (
    Admission,
    Admitted,
    AnswerTaken,
    BadStateOperation,
    DeliveryRow,
    Fenced,
    Gate,
    IdTaken,
    RunRow,
    StoreBroken,
    TickTaken,
    Unit,
)
from wistro.store.postgres import gates, tasks
from wistro.store.postgres import statements as sql
from wistro.store.postgres.state import StateOfGroup, check
from wistro.store.postgres.statements import Batch

# What is wrong with one unit, and no reason to refuse its neighbours.
REFUSALS = (
    Fenced,
    TickTaken,
    AnswerTaken,
    IdTaken,
    BadStateOperation,
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.ProgrammingError,
    OverflowError,
    ValueError,
    TypeError,
)
MINE = "SELECT 1 FROM engines WHERE boot = %s AND session = %s AND NOT is_gone FOR UPDATE"
READ_RUN = f"SELECT {sql.RUN}, owner = %s, {tasks.WAITS} FROM runs r WHERE run_id = %s ORDER BY run_seq DESC LIMIT 1"


@dataclass(slots=True)
class Submitted:
    unit: Unit
    then: Callable[[], None] | None


@dataclass(slots=True)
class Claim:
    deployment_id: str
    step: str
    due_at_us: int
    limit: int
    taken: list[tuple[DeliveryRow, RunRow]] = field(default_factory=list)


@dataclass(slots=True)
class Asking:
    """A limited step's queue asks for what its gates let through."""

    admission: Admission
    admitted: Admitted = field(default_factory=lambda: Admitted([], None))


@dataclass(slots=True)
class RunRead:
    """A run, as it is once the units before it have been applied."""

    run_id: str
    found: RunRow | None = None


Waiting = tuple["Submitted | Claim | Asking | RunRead", "asyncio.Future[Any]"]


Asked = Claim | Asking | RunRead


@dataclass
class Group:
    number: int
    waiting: list[Waiting]
    seq_before: int  # of the stream
    seq: int = 0
    records: list[bytes] = field(default_factory=list)

    def number_records(self) -> None:
        records = [record for unit in self.units for record in unit.records]
        self.records, self.seq = numbered(records, after=self.seq_before)

    @property
    def units(self) -> list[Unit]:
        return [work.unit for work, _ in self.waiting if isinstance(work, Submitted)]

    def refuse(self, waiting: Waiting, reason: BaseException) -> None:
        """It is out of the group, and its future tells why."""
        self.waiting.remove(waiting)
        _, future = waiting
        if isinstance(reason, psycopg.DataError):
            reason = ValueError(str(reason))
        if not future.done():
            future.set_exception(reason)


class Applying:
    """Applies groups on one connection, for one boot. Raises StoreBroken when the boot is another's prey."""

    def __init__(
        self, connection: AsyncConnection, *, boot: int, session: int, stream: str
    ) -> None:
        self._connection = connection
        self._boot = boot
        self._session = session
        self._stream = stream

    async def apply(self, group: Group) -> None:
        """Returns when it is committed; raises when it is not, or nothing is known of it."""
        self._refuse_unkeepable(group)
        writes = [write for unit in group.units for write in unit.writes]
        state = StateOfGroup(writes) if writes else None
        try:
            if state is None or state.is_plain:
                self._settle(group, state)
                await self._at_once(group, state)
            else:
                await self._after_reading(group, state)
        except REFUSALS:
            await self._roll_back()
            await self._one_by_one(group)

    # The ways

    async def _at_once(self, group: Group, state: StateOfGroup | None) -> None:
        connection = self._connection
        async with connection.pipeline():
            await connection.execute("BEGIN")
            reads = await self._rest(group, state)
        await _told(reads)

    async def _after_reading(self, group: Group, state: StateOfGroup) -> None:
        await self._begin()
        await state.lock(self._connection)
        self._settle(group, state)
        async with self._connection.pipeline():
            reads = await self._rest(group, state)
        await _told(reads)

    async def _one_by_one(self, group: Group) -> None:
        connection = self._connection
        state = StateOfGroup([write for unit in group.units for write in unit.writes])
        await self._begin()
        await state.lock(connection)
        for waiting in list(group.waiting):
            work, _ = waiting
            if not isinstance(work, Submitted):
                continue
            await connection.execute("SAVEPOINT unit")
            take_back: Callable[[], None] | None = None
            try:
                take_back = state.apply(work.unit.writes)
                for batch in self._batches([work.unit], group):
                    await _checked(connection, batch)
            except REFUSALS as refused:
                await connection.execute("ROLLBACK TO unit")
                if take_back is not None:
                    take_back()
                group.refuse(waiting, refused)
            await connection.execute("RELEASE unit")
        async with connection.pipeline():
            reads = await self._rest(group, state, are_units_written=True)
        await _told(reads)

    # Their parts

    async def _begin(self) -> None:
        await self._connection.execute("BEGIN")
        mine = await self._connection.execute(MINE, [self._boot, self._session])
        if await mine.fetchone() is None:
            raise StoreBroken("another engine has taken over what this one had to do")

    def _settle(self, group: Group, state: StateOfGroup | None) -> None:
        if state is None:
            return
        for waiting in list(group.waiting):
            work, _ = waiting
            if isinstance(work, Submitted) and work.unit.writes:
                try:
                    state.apply(work.unit.writes)
                except REFUSALS as refused:
                    group.refuse(waiting, refused)

    async def _rest(
        self, group: Group, state: StateOfGroup | None, *, are_units_written: bool = False
    ) -> list[tuple[Asked, Any]]:
        """Everything of the group up to its COMMIT, on its way in one go."""
        connection, execute = self._connection, self._connection.execute
        group.number_records()
        mine = [group.number, group.seq, self._boot, self._session]
        fence = f"WITH mine AS ({sql.FENCE}) SELECT 1 / count(*) FROM mine"
        await execute(text(fence), mine, prepare=True)
        for batch in state.batches() if state else ():
            await execute(text(batch.sql), batch.values, prepare=True)
        if not are_units_written:
            for batch in self._batches(group.units, group):
                query = batch.sql if batch.rows is None else counted(batch.sql)
                values = batch.values if batch.rows is None else [*batch.values, batch.rows]
                await execute(text(query), values, prepare=True)
        if group.records:
            lines = b"".join(group.records)
            values = [self._stream, group.seq_before + 1, group.seq, lines]
            await execute(sql.INSERT_OUTBOX, values, prepare=True)
        reads = [
            (work, await self._read(work, group, connection))
            for work, _ in group.waiting
            if not isinstance(work, Submitted)
        ]
        await execute("COMMIT")
        return reads

    async def _read(self, work: Asked, group: Group, connection: AsyncConnection) -> Any:
        if isinstance(work, RunRead):
            return await connection.execute(READ_RUN, [self._boot, work.run_id], prepare=True)
        if isinstance(work, Asking):
            asked = work.admission
            values = gates.let_through(asked, owner=self._boot, mark=-group.number)
            again = await connection.execute(gates.LET_THROUGH, values, prepare=True)
            found = [self._boot, -group.number, asked.deployment_id, asked.step]
            return again, await connection.execute(sql.ADMITTED, found, prepare=True)
        where = [self._boot, work.deployment_id, work.step, work.due_at_us, work.limit]
        await connection.execute(sql.CLAIM, [*where, -group.number], prepare=True)
        found = [self._boot, -group.number, work.deployment_id, work.step]
        return await connection.execute(sql.CLAIMED, found, prepare=True)

    def _batches(self, units: list[Unit], group: Group) -> Any:
        return sql.batches(units, boot=self._boot, stream=self._stream, group=group.number)

    async def _roll_back(self) -> None:
        if self._connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            await self._connection.execute("ROLLBACK")

    @staticmethod
    def _refuse_unkeepable(group: Group) -> None:
        for waiting in list(group.waiting):
            work, _ = waiting
            if isinstance(work, Submitted) and work.unit.writes:
                try:
                    check(work.unit.writes)
                except ValueError as refused:
                    group.refuse(waiting, refused)

    async def found(self, group: Group) -> None:
        """Of a group that is known to be committed, and whose answer was lost: what it claimed and read."""
        for work, _ in group.waiting:
            if isinstance(work, Claim):
                found = [self._boot, -group.number, work.deployment_id, work.step]
                await _told([(work, await self._connection.execute(sql.CLAIMED, found))])
            elif isinstance(work, Asking):
                asked = work.admission
                found = [self._boot, -group.number, asked.deployment_id, asked.step]
                rows = await self._connection.execute(sql.ADMITTED, found)
                await _told([(work, (None, rows))])
                work.admitted.again_at_us = asked.now_us  # it is not known, so ask
            elif isinstance(work, RunRead):
                await _told(
                    [(work, await self._connection.execute(READ_RUN, [self._boot, work.run_id]))]
                )


@functools.cache
def counted(query: str) -> str:
    """The same, failing by a division by zero where another number of rows is changed than must be."""
    return f"WITH done AS ({query} RETURNING 1) SELECT 1 / (count(*) = %s)::int FROM done"


def text(query: str) -> LiteralString:
    """It holds our own words only; what is others' goes beside it."""
    return cast("LiteralString", query)


async def _checked(connection: AsyncConnection, batch: Batch) -> None:
    cursor = await connection.execute(text(batch.sql), batch.values)
    if batch.rows is not None and cursor.rowcount != batch.rows:
        raise batch.refusal or Fenced(sql.STALE)


async def _told(reads: list[tuple[Asked, Any]]) -> None:
    for work, cursor in reads:
        if isinstance(work, RunRead):
            row = await cursor.fetchone()
            work.found = None if row is None else RunRow(*row)
            continue
        if isinstance(work, Asking):
            await _let_through(work.admitted, *cursor)
            continue
        work.taken.clear()
        for row in await cursor.fetchall():
            delivery = DeliveryRow(*row[: sql.DELIVERY_COLUMNS])
            delivery.suspect, delivery.claimed = bool(delivery.suspect), True
            work.taken.append((delivery, RunRow(*row[sql.DELIVERY_COLUMNS :])))


async def _let_through(admitted: Admitted, again: Any, rows: Any) -> None:
    if again is not None:
        (admitted.again_at_us,) = await again.fetchone()
    admitted.taken.clear()
    for *row, lane, slot, meter in await rows.fetchall():
        delivery = DeliveryRow(*row[: sql.DELIVERY_COLUMNS])
        delivery.suspect, delivery.claimed = bool(delivery.suspect), True
        delivery.gate = Gate(lane, slot, meter)
        admitted.taken.append((delivery, RunRow(*row[sql.DELIVERY_COLUMNS :])))
