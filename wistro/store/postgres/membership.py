"""One engine among others on a store: its lease, what ended engines left, and what idle ones take from busy ones.

All times are the database's. An engine whose lease ran out is *gone*: its row says so, which refuses all that it still
sends. Its runs, its records and its stream are then any other's. NOTIFY only wakes; each beat looks for itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import AsyncConnection, sql

from wistro.store.port import Chunk, Command, Moved, Others, RunRow, StoreBroken
from wistro.store.postgres import gates
from wistro.store.postgres.connecting import Address, answering, channel_of, connect, is_lost
from wistro.store.postgres.statements import RUN_ROW

log = logging.getLogger("wistro.store")

BEAT_S = 2.0
LEASE_S = 6.0
TAKEN_AT_ONCE = 1_000
STOLEN_AT_ONCE = 256
WAITING_SEEN = 512

REGISTER = (
    "INSERT INTO engines (stream, session, lease_until) VALUES (%s, 1, clock_timestamp() + %s * interval '1 s')"
    " RETURNING boot"
)
BEAT = (
    "UPDATE engines SET lease_until = clock_timestamp() + %s * interval '1 s'"
    " WHERE boot = %s AND NOT is_gone RETURNING boot"
)
END = "UPDATE engines SET is_gone = true WHERE boot = %s"
# A lease that ran out under a transaction that hangs: its connection holds the row, and is ended first.
HANG_UP_ON_LATE = """
SELECT pg_terminate_backend(a.pid) FROM engines e JOIN pg_stat_activity a
  ON a.application_name = left('wistro ' || e.boot || ' of ' || current_schema(), 63) AND a.datname = current_database()
WHERE NOT e.is_gone AND e.lease_until < clock_timestamp() AND e.boot <> %s
"""
EXPIRES_IN = """
SELECT extract(epoch FROM min(lease_until) - clock_timestamp()) FROM engines WHERE NOT is_gone AND boot <> %s
"""
EXPIRE = """
UPDATE engines SET is_gone = true WHERE boot IN (
  SELECT boot FROM engines WHERE NOT is_gone AND lease_until < clock_timestamp() AND boot <> %s
  FOR UPDATE SKIP LOCKED)
RETURNING boot
"""
# In batches, so that several engines share what one left.
TAKE = f"""
WITH left_over AS (
  SELECT r.run_seq FROM engines e JOIN runs r ON r.owner = e.boot
  WHERE e.is_gone AND r.deployment_id = ANY(%s) ORDER BY r.owner, r.deployment_id LIMIT %s FOR UPDATE OF r SKIP LOCKED
)
UPDATE runs r SET owner = %s FROM left_over WHERE r.run_seq = left_over.run_seq RETURNING {RUN_ROW}
"""
# -2^63 is parked at a gate (gates.py). What the ended engine held may have been running: its next attempt has a higher number, uncharged.
TAKE_DELIVERIES = """
UPDATE deliveries SET owner = %s, number = number + (claimed NOT IN (0, -9223372036854775808))::int,
  claimed = CASE claimed WHEN -9223372036854775808 THEN claimed ELSE 0 END
WHERE run_seq = ANY(%s) RETURNING deployment_id
"""
# Step by step, so that neither what is due later nor an order is looked for among all that waits.
BUSY = """
SELECT DISTINCT d.run_seq FROM (
  SELECT d.run_seq FROM engines e JOIN deliveries d ON d.owner = e.boot
  WHERE NOT e.is_gone AND e.boot <> %s AND d.claimed = 0 AND d.deployment_id = %s AND d.step = ANY(%s)
    AND d.due_at_us <= (extract(epoch FROM clock_timestamp()) * 1000000)::bigint LIMIT %s) d
"""
# Locked runs are claimed by nobody; those of which something is in memory stay where they are.
LOCK_RUNS = """
SELECT run_seq, owner FROM runs WHERE run_seq = ANY(%s) AND owner <> %s ORDER BY run_seq
LIMIT %s FOR UPDATE SKIP LOCKED
"""
HELD = "SELECT DISTINCT run_seq FROM deliveries WHERE run_seq = ANY(%s) AND claimed NOT IN (0, -9223372036854775808)"
STEAL_RUNS = "UPDATE runs SET owner = %s WHERE run_seq = ANY(%s)"
STEAL_DELIVERIES = "UPDATE deliveries SET owner = %s WHERE run_seq = ANY(%s) RETURNING run_seq"
TELL_TAKEN = "INSERT INTO taken (boot, deployment_id, runs, deliveries) VALUES (%s, %s, %s, %s)"
WAS_TAKEN = "DELETE FROM taken WHERE boot = %s RETURNING deployment_id, runs, deliveries"
COMMANDS = """
SELECT command_id, run_id, kind, body FROM commands c
WHERE EXISTS (SELECT FROM runs r WHERE r.run_id = c.run_id AND r.owner = %s)
ORDER BY command_id LIMIT 100
"""
SHIP = """
UPDATE engines SET shipper = %s WHERE boot IN (
  SELECT e.boot FROM engines e WHERE e.is_gone AND NOT e.is_shipped AND e.boot <> %s
    AND NOT EXISTS (SELECT FROM engines s WHERE s.boot = e.shipper AND NOT s.is_gone)
  FOR UPDATE SKIP LOCKED)
RETURNING boot, stream
"""
STREAMS = """
SELECT stream, greatest(last_seq, coalesce((SELECT max(o.last_seq) FROM outbox o WHERE o.stream = e.stream), 0))
FROM engines e WHERE is_gone AND NOT is_shipped AND shipper = %s ORDER BY boot
"""
LEFTOVERS = """
SELECT o.stream, o.first_seq, o.last_seq, o.lines FROM engines e JOIN outbox o ON o.stream = e.stream
WHERE e.is_gone AND NOT e.is_shipped AND e.shipper = %s ORDER BY e.boot, o.first_seq
"""
FORGET_ENGINES = """
DELETE FROM engines e WHERE is_gone AND is_shipped AND NOT EXISTS (SELECT FROM runs r WHERE r.owner = e.boot)
"""
# What an engine was to count, and ended before.
FORGET_TAKEN = "DELETE FROM taken t WHERE NOT EXISTS (SELECT FROM engines e WHERE e.boot = t.boot AND NOT e.is_gone)"
FORGET_CALLING = "DELETE FROM calling c WHERE NOT EXISTS (SELECT FROM engines e WHERE e.boot = c.boot AND NOT e.is_gone)"


class Membership:
    """Beats on a connection of its own. `broken` is told when the lease was lost."""

    def __init__(
        self,
        address: Address,
        *,
        boot: int,
        others: Others,
        broken: Callable[[StoreBroken], None],
        lease_s: float = LEASE_S,
        beat_s: float = BEAT_S,
    ) -> None:
        self._address = address
        self._boot = boot
        self._others = others
        self._broken = broken
        self._lease_s = lease_s
        self._beat_s = beat_s
        self._serving: set[str] = set()
        self._expires_in_s = beat_s
        self._steady_since: float | None = None  # beats came in time since then
        self._connection: AsyncConnection | None = None
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        await self._asked(self._ship_first)
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._beats()), loop.create_task(self._listens())]

    async def serve(self, deployment_id: str) -> None:
        self._serving.add(deployment_id)
        async with self._lock:
            while await self._asked(self._take):
                pass

    async def leave(self, deployment_id: str) -> None:
        self._serving.discard(deployment_id)

    async def _ship_first(self, connection: AsyncConnection) -> None:
        """What ended engines left before: whoever starts the store reads it (`leftovers`, `streams`)."""
        await connection.execute(SHIP, [self._boot, self._boot])

    async def close(self) -> None:
        """Others may take at once what is left."""
        await self.abandon()
        with contextlib.suppress(psycopg.Error, TimeoutError, OSError):
            connection = await self._connected()
            async with connection:
                with answering(connection, within_s=3.0):
                    await connection.execute(END, [self._boot])
                    await self._notify(connection, "gone")

    async def abandon(self) -> None:
        """End without a word, as a killed process does."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._connection is not None:
            await self._connection.close()

    # The beat

    async def _beats(self) -> None:
        while True:
            started = time.monotonic()
            try:
                async with self._lock:
                    await self._asked(self._beat)
                    while await self._asked(self._take):
                        pass
                    for part in (self._ship, self._count_taken, self._steal, self._commands):
                        await self._asked(part)
                    await self._asked(self._tidy)
            except StoreBroken as broken:
                self._broken(broken)
                return
            except (psycopg.Error, TimeoutError, OSError) as error:
                # Nothing is taken from others before they had the time to come back, too.
                self._steady_since = None
                log.warning("the store does not answer: %s", str(error).strip() or "in time")
            except Exception as error:  # else the lease would run out and nobody say why
                log.exception("the store's beat failed")
                self._broken(StoreBroken(str(error)))
                return
            left_s = min(self._beat_s, self._expires_in_s) - (time.monotonic() - started)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.05, left_s)):
                    await self._wake.wait()
            self._wake.clear()

    async def _beat(self, connection: AsyncConnection) -> None:
        cursor = await connection.execute(BEAT, [self._lease_s, self._boot])
        if await cursor.fetchone() is None:
            raise StoreBroken("another engine has taken over what this one had to do")
        now = time.monotonic()
        self._steady_since = self._steady_since or now
        if now - self._steady_since >= self._lease_s:
            await connection.execute(HANG_UP_ON_LATE, [self._boot])
            expired = await (await connection.execute(EXPIRE, [self._boot])).fetchall()
            if expired:
                log.warning("took over from %d engine(s) whose lease ran out", len(expired))
                await self._notify(connection, "gone")
        await self._look_ahead(connection)

    async def _tidy(self, connection: AsyncConnection) -> None:
        for forget in (FORGET_ENGINES, FORGET_TAKEN, FORGET_CALLING):
            await connection.execute(forget)

    async def _look_ahead(self, connection: AsyncConnection) -> None:
        """Be awake when the next lease runs out, should it."""
        row = await (await connection.execute(EXPIRES_IN, [self._boot])).fetchone()
        in_s = None if row is None else row[0]
        self._expires_in_s = self._beat_s if in_s is None else max(0.1, float(in_s) + 0.05)

    async def _take(self, connection: AsyncConnection) -> bool:
        """One batch of what ended engines left; True when there may be more."""
        if not self._serving:
            return False
        async with connection.transaction():
            # Our own row is held, so that nobody can take us over meanwhile.
            mine = await connection.execute(BEAT, [self._lease_s, self._boot])
            if await mine.fetchone() is None:
                raise StoreBroken("another engine has taken over what this one had to do")
            await connection.execute("SELECT gates_lock() WHERE EXISTS (SELECT FROM gates)")
            wanted = [sorted(self._serving), TAKEN_AT_ONCE, self._boot]
            found = await connection.execute(TAKE, wanted)
            runs = [RunRow(*row) for row in await found.fetchall()]
            if not runs:
                return False
            seqs = [run.seq for run in runs]
            taken = await connection.execute(TAKE_DELIVERIES, [self._boot, seqs])
            deliveries = Counter(row[0] for row in await taken.fetchall())
            await connection.execute(gates.TAKEN, [seqs])
        for id in {run.deployment_id for run in runs}:
            mine_of_it = [run for run in runs if run.deployment_id == id]
            calling = [run for run in mine_of_it if run.mark == "calling"]
            self._others.moved(Moved(id, len(mine_of_it), deliveries[id], calling))
        return len(runs) == TAKEN_AT_ONCE

    async def _ship(self, connection: AsyncConnection) -> None:
        if not await (await connection.execute(SHIP, [self._boot, self._boot])).fetchall():
            return
        chunks = await (await connection.execute(LEFTOVERS, [self._boot])).fetchall()
        streams = await (await connection.execute(STREAMS, [self._boot])).fetchall()
        left = [Chunk(stream, first, last, lines, True) for stream, first, last, lines in chunks]
        self._others.left(left, [(stream, last) for stream, last in streams])

    # Load that spreads

    async def _steal(self, connection: AsyncConnection) -> None:
        for id in sorted(self._serving):
            if steps := self._others.idle_steps(id):
                found = await connection.execute(BUSY, [self._boot, id, steps, WAITING_SEEN])
                if runs := [row[0] for row in await found.fetchall()]:
                    await self._steal_of(connection, id, runs)

    async def _steal_of(
        self, connection: AsyncConnection, deployment_id: str, wanted: list[int]
    ) -> None:
        async with connection.transaction():
            mine = await connection.execute(BEAT, [self._lease_s, self._boot])
            if await mine.fetchone() is None:
                raise StoreBroken("another engine has taken over what this one had to do")
            # Half of what was seen to wait at most: its owner has to do, too.
            most = max(1, min(STOLEN_AT_ONCE, len(wanted) // 2))
            locked = await connection.execute(LOCK_RUNS, [wanted, self._boot, most])
            owners: dict[int, int] = {seq: owner for seq, owner in await locked.fetchall()}
            held = await connection.execute(HELD, [list(owners)])
            for (seq,) in await held.fetchall():
                owners.pop(seq, None)
            if not owners:
                return
            await connection.execute(STEAL_RUNS, [self._boot, list(owners)])
            moved = await connection.execute(STEAL_DELIVERIES, [self._boot, list(owners)])
            seqs = [row[0] for row in await moved.fetchall()]
            for owner in sorted(set(owners.values())):
                theirs = [seq for seq, by in owners.items() if by == owner]
                count = sum(seq in set(theirs) for seq in seqs)
                values = [owner, deployment_id, len(theirs), count]
                await connection.execute(TELL_TAKEN, values)
            await self._notify(connection, "taken")
        self._others.moved(Moved(deployment_id, len(owners), len(seqs)))

    async def _count_taken(self, connection: AsyncConnection) -> None:
        taken = await connection.execute(WAS_TAKEN, [self._boot])
        for deployment_id, runs, deliveries in await taken.fetchall():
            self._others.moved(Moved(deployment_id, -runs, -deliveries))

    async def _commands(self, connection: AsyncConnection) -> None:
        found = await connection.execute(COMMANDS, [self._boot])
        for row in await found.fetchall():
            command = Command(*row)
            self._others.command(command)

    # Its connection

    async def _asked(self, ask: Callable[[AsyncConnection], Any]) -> Any:
        if self._connection is None or self._connection.closed:
            self._connection = await self._connected()
        try:
            with answering(self._connection, within_s=self._lease_s):
                return await ask(self._connection)
        except psycopg.Error as error:
            if is_lost(error):
                connection, self._connection = self._connection, None
                await connection.close()
            raise

    async def _connected(self) -> AsyncConnection:
        return await connect(self._address, name=f"wistro beat {self._boot}")

    async def _notify(self, connection: AsyncConnection, what: str) -> None:
        await connection.execute("SELECT pg_notify(%s, %s)", [channel_of(self._address), what])

    async def _listens(self) -> None:
        """A wake-up hint: what it misses, the next beat finds."""
        while True:
            try:
                connection = await connect(self._address, name=f"wistro ear {self._boot}")
                async with connection:
                    await connection.execute(
                        sql.SQL("LISTEN {}").format(sql.Identifier(channel_of(self._address)))
                    )
                    async for _ in connection.notifies():
                        self._wake.set()
            except (psycopg.Error, TimeoutError, OSError):
                await asyncio.sleep(self._beat_s)
