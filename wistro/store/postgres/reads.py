"""What is read of the store, on a connection of its own. State that many steps ask for at once is read at once."""

from __future__ import annotations

import asyncio
import time
from typing import Any, LiteralString, cast

import msgspec
import psycopg
from psycopg import AsyncConnection

from wistro.store import tables
from wistro.store.port import (
    Chunk,
    DeadLetter,
    DeliveryRow,
    Gate,
    RunRow,
    StoreAway,
    StoreBroken,
    StoredAnswer,
)
from wistro.store.postgres import gates, membership, tasks
from wistro.store.postgres import statements as sql
from wistro.store.postgres.arrays import Texts
from wistro.store.postgres.connecting import Address, answering, connect, is_lost, readable
from wistro.store.postgres.schema import check
from wistro.store.postgres.state import READ
from wistro.store.state import MISSING
from wistro.store.tasks import TaskFilter, TaskLink, TaskRow

AGAIN_AFTER_S = 0.2
PATIENCE_S = 5.0  # of those who can be told to come again
AT_ONCE = 512
LIST = 'SELECT key, value FROM state WHERE "group" = %s ORDER BY key'
ENTRY = 'SELECT value FROM state WHERE "group" = %s AND key = %s'
ENTRIES = 'SELECT key, value FROM state WHERE "group" = %s AND key > %s ORDER BY key LIMIT %s'
# A loose index scan: one seek a group, and then its keys are counted.
GROUPS = """
WITH RECURSIVE found ("group", nth) AS (
  (SELECT "group", 1 FROM state WHERE "group" > %s ORDER BY "group" LIMIT 1)
  UNION ALL
  SELECT (SELECT s."group" FROM state s WHERE s."group" > found."group" ORDER BY s."group" LIMIT 1), nth + 1
  FROM found WHERE found."group" IS NOT NULL AND nth <= %s
) SELECT "group", (SELECT count(*) FROM state s WHERE s."group" = found."group") FROM found
WHERE "group" IS NOT NULL ORDER BY "group" LIMIT %s
"""
ANSWER = "SELECT status, headers, body, run_id FROM answers WHERE key = %s AND expires_at_us > %s"
NEXT_DUE = (
    "SELECT due_at_us FROM deliveries WHERE claimed = 0 AND owner = %s AND deployment_id = %s AND step = %s"
    " ORDER BY due_at_us, seq LIMIT 1"
)
# One seek a step, however many deliveries wait.
WAITING_STEPS = """
WITH RECURSIVE waiting (step) AS (
  (SELECT step FROM deliveries WHERE claimed = 0 AND owner = %(boot)s AND deployment_id = %(id)s
   ORDER BY step LIMIT 1)
  UNION ALL
  SELECT (SELECT d.step FROM deliveries d WHERE d.claimed = 0 AND d.owner = %(boot)s AND d.deployment_id = %(id)s
          AND d.step > waiting.step ORDER BY d.step LIMIT 1)
  FROM waiting WHERE waiting.step IS NOT NULL
) SELECT step FROM waiting WHERE step IS NOT NULL
"""
RUNS = f"SELECT {sql.RUN_ROW} FROM runs r WHERE owner = %s ORDER BY run_seq"
MARKED = f"SELECT {sql.RUN_ROW} FROM runs r WHERE owner = %s AND mark = %s ORDER BY run_seq"
LIVE = "SELECT count(*) FROM runs WHERE owner = %s AND deployment_id = %s"
WAITING = "SELECT count(*) FROM deliveries WHERE claimed = 0 AND owner = %s AND deployment_id = %s"
PARKED = (
    "SELECT count(*) FROM gates g JOIN deliveries d ON d.seq = g.seq WHERE g.deployment_id = %s"
    " AND g.state IN (2, 3, 4) AND d.owner = %s"
)
GATED_STEPS = (
    "SELECT DISTINCT step FROM gates WHERE deployment_id = %s AND state <> 5 ORDER BY step"
)
KNOWN_IDS = "SELECT key FROM emitted_ids WHERE key = ANY(%s) AND expires_at_us > %s"
RUN_DELIVERIES = (
    f"SELECT {', '.join(f'd.{name}' for name in sql.DELIVERY.split(', '))}, g.seq, g.lane, g.slot, g.meter"
    " FROM deliveries d LEFT JOIN gates g ON g.seq = d.seq WHERE d.run_seq = %s ORDER BY d.seq"
)
DELAYED = (
    "SELECT seq FROM deliveries WHERE claimed = 0 AND due_at_us > %s AND (due_at_us, seq) > (%s, %s)"
    " ORDER BY due_at_us, seq LIMIT %s"
)
OPEN_DELIVERY = f"""
SELECT {", ".join(f"d.{name}" for name in sql.DELIVERY.split(", "))},
  {", ".join(f"r.{name}" for name in sql.RUN.split(", "))}, r.owner = %s, {tasks.WAITS}
FROM deliveries d JOIN runs r ON r.run_seq = d.run_seq WHERE d.seq = %s
"""
CURSOR = "SELECT settled_until_us FROM cursors WHERE schedule_id = %s"
DEAD_LETTERS = (
    f"SELECT {tables.DEAD_LETTER} FROM dead_letters WHERE delivery_id < %s"
    " ORDER BY delivery_id DESC LIMIT %s"
)
DEAD_LETTER = f"SELECT {tables.DEAD_LETTER} FROM dead_letters WHERE delivery_id = %s"


class PostgresReads:
    """The reading half of `Store`, and `Reads` of whoever looks at it without an engine (boot 0)."""

    def __init__(self, address: Address, *, boot: int = 0) -> None:
        self._address = address
        self._boot = boot
        self._reader: AsyncConnection | None = None
        self._lock = asyncio.Lock()
        self._wanted: list[tuple[str, str, asyncio.Future[Any]]] = []
        self._getting: asyncio.Task[None] | None = None
        self._ended: StoreBroken | None = None

    async def open_reads(self) -> None:
        """Of whoever looks at a store without an engine. Raises StoreUnreadable, StoreNewer."""
        with readable(self._address):
            self._reader = await connect(self._address, name="wistro reads")
            await check(self._reader, self._address.schema)

    def get(self, group: str, key: str) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._wanted.append((group, key, future))
        if self._getting is None:
            self._getting = asyncio.get_running_loop().create_task(self._get_all())
        return future

    async def list(self, group: str) -> list[list[Any]]:
        rows = await self._rows(LIST, group, patience_s=None)
        return [[key, msgspec.json.decode(value)] for key, value in rows]

    async def groups(self, *, after: str | None = None, limit: int = 100) -> Any:
        return await self._rows(GROUPS, after or "", limit, limit)

    async def entries(self, group: str, *, after: str | None = None, limit: int = 100) -> Any:
        # "" is a key like any other, so from the beginning means from before it.
        rows = await self._rows(ENTRIES, group, after or "", limit)
        first = await self._row(ENTRY, group, "") if after is None else None
        found = [(key, msgspec.json.decode(value)) for key, value in rows]
        return ([("", msgspec.json.decode(first[0]))] if first else []) + found

    async def entry(self, group: str, key: str) -> Any:
        row = await self._row(ENTRY, group, key)
        return MISSING if row is None else msgspec.json.decode(row[0])

    async def answer(self, key: str, *, now_us: int) -> StoredAnswer | None:
        row = await self._row(ANSWER, key, now_us)
        if row is None:
            return None
        headers = [(name, value) for name, value in msgspec.json.decode(row[1])]
        return StoredAnswer(row[0], headers, row[2], row[3])

    async def next_due(self, deployment_id: str, step: str) -> int | None:
        row = await self._row(NEXT_DUE, self._boot, deployment_id, step)
        return None if row is None else row[0]

    async def waiting_steps(self, deployment_id: str) -> Any:
        values = {"boot": self._boot, "id": deployment_id}
        return sorted(row[0] for row in await self._asked(WAITING_STEPS, values))

    async def runs(self, *, marked: str | None = None) -> Any:
        """This engine's."""
        if marked is None:
            return [RunRow(*row) for row in await self._rows(RUNS, self._boot)]
        return [RunRow(*row) for row in await self._rows(MARKED, self._boot, marked)]

    async def totals(self, deployment_id: str) -> tuple[int, int]:
        runs = await self._rows(LIVE, self._boot, deployment_id)
        waiting = await self._rows(WAITING, self._boot, deployment_id)
        parked = await self._rows(PARKED, deployment_id, self._boot)
        return runs[0][0], waiting[0][0] + parked[0][0]

    async def run_deliveries(self, run_seq: int) -> Any:
        found: list[DeliveryRow] = []
        for *row, gated, lane, slot, meter in await self._rows(RUN_DELIVERIES, run_seq):
            one = delivery(tuple(row))
            one.gate = None if gated is None else Gate(lane, slot, meter)
            found.append(one)
        return found

    async def gated_steps(self, deployment_id: str) -> Any:
        return [row[0] for row in await self._rows(GATED_STEPS, deployment_id)]

    async def known_ids(self, keys: Any, *, now_us: int) -> Any:
        return [row[0] for row in await self._rows(KNOWN_IDS, Texts(keys), now_us)]

    async def delivery(self, seq: int) -> tuple[DeliveryRow, RunRow] | None:
        row = await self._row(OPEN_DELIVERY, self._boot, seq)
        if row is None:
            return None
        found = delivery(row[: sql.DELIVERY_COLUMNS])
        gate = await self._row("SELECT lane, slot, meter FROM gates WHERE seq = %s", seq)
        found.gate = None if gate is None else Gate(*gate)
        return found, RunRow(*row[sql.DELIVERY_COLUMNS :])

    async def open_delivery(self, delivery_id: str) -> tuple[DeliveryRow, RunRow] | None:
        row = await self._row("SELECT seq FROM deliveries WHERE delivery_id = %s", delivery_id)
        return None if row is None else await self.delivery(row[0])

    async def delayed(
        self, *, now_us: int, limit: int, after: tuple[int, int] | None = None
    ) -> list[tuple[DeliveryRow, RunRow]]:
        due_us, seq = max(after or (now_us, -1), (now_us, -1))
        seqs = [row[0] for row in await self._rows(DELAYED, now_us, due_us, seq, limit)]
        found = [await self.delivery(seq) for seq in seqs]
        return [one for one in found if one is not None]

    async def tasks(self, wanted: TaskFilter) -> Any:
        text, values = tasks.listed(wanted)
        return [TaskRow(*row) for row in await self._asked(text, values)]

    async def task(self, task_id: str) -> TaskRow | None:
        row = await self._row(tasks.TASK, task_id)
        return None if row is None else TaskRow(*row)

    async def task_link(self, token_sha256: str) -> TaskLink | None:
        row = await self._row(tasks.TASK_LINK, token_sha256)
        return None if row is None else TaskLink(*row)

    async def cursor(self, schedule_id: str) -> int | None:
        row = await self._row(CURSOR, schedule_id)
        return None if row is None else row[0]

    async def dead_letters(self, *, limit: int = 100, before: str | None = None) -> Any:
        """Newest first by delivery id, which is in order of time."""
        rows = await self._rows(DEAD_LETTERS, before or "~", limit)
        return [tables.dead_letter(row) for row in rows]

    async def dead_letter(self, delivery_id: str) -> DeadLetter | None:
        row = await self._row(DEAD_LETTER, delivery_id)
        return None if row is None else tables.dead_letter(row)

    async def leftovers(self) -> Any:
        rows = await self._rows(membership.LEFTOVERS, self._boot)
        return [Chunk(stream, first, last, lines, True) for stream, first, last, lines in rows]

    async def streams(self) -> Any:
        return [(row[0], row[1]) for row in await self._rows(membership.STREAMS, self._boot)]

    async def close_reads(self) -> None:
        self._ended = StoreBroken("the store is closed")
        if self._getting is not None:
            self._getting.cancel()
            await asyncio.gather(self._getting, return_exceptions=True)
        if self._reader is not None:
            await self._reader.close()

    # Asking

    async def _get_all(self) -> None:
        try:
            while self._wanted:
                wanted, self._wanted = self._wanted[:AT_ONCE], self._wanted[AT_ONCE:]
                try:
                    await self._get_some(wanted)
                except (StoreBroken, psycopg.Error, ValueError) as error:
                    for _, _, future in wanted:
                        if not future.done():
                            future.set_exception(error)
        finally:
            self._getting = None

    async def _get_some(self, wanted: Any) -> None:
        places = sorted({(group, key) for group, key, _ in wanted if _is_keepable(group, key)})
        groups, keys = Texts([one[0] for one in places]), Texts([one[1] for one in places])
        rows = await self._rows(READ, groups, keys, patience_s=None)
        found = {(group, key): value for group, key, value in rows}
        for group, key, future in wanted:
            if not future.done():
                value = found.get((group, key))
                future.set_result(None if value is None else msgspec.json.decode(value))

    async def _row(self, text: str, *values: Any) -> Any:
        rows = await self._rows(text, *values)
        return rows[0] if rows else None

    async def _rows(self, text: str, *values: Any, patience_s: float | None = PATIENCE_S) -> Any:
        return await self._asked(text, values, patience_s=patience_s)

    async def _asked(self, text: str, values: Any, *, patience_s: float | None = PATIENCE_S) -> Any:
        """Asked again while the server is away: a step waits for it until its deadline (no `patience_s`), others are
        told StoreAway."""
        until = None if patience_s is None else time.monotonic() + patience_s
        while True:
            if self._ended is not None:
                raise self._ended
            try:
                async with self._lock:
                    return await self._ask(text, values)
            except (psycopg.Error, TimeoutError, OSError) as error:
                if not is_lost(error):
                    raise
                if until is not None and time.monotonic() > until:
                    raise StoreAway("the store does not answer") from error
            await asyncio.sleep(AGAIN_AFTER_S)

    async def _ask(self, text: str, values: Any) -> Any:
        if self._reader is None or self._reader.closed:
            self._reader = await connect(self._address, name=f"wistro read {self._boot}")
        with answering(self._reader):
            return await (
                await self._reader.execute(cast("LiteralString", text), values)
            ).fetchall()


def delivery(row: Any) -> DeliveryRow:
    one = DeliveryRow(*row)
    one.suspect, one.claimed = bool(one.suspect), one.claimed not in (0, gates.PARKED)
    return one


def _is_keepable(group: str, key: str) -> bool:
    """Nothing that PostgreSQL keeps in no text is there."""
    try:
        return b"\0" not in f"{group}{key}".encode()
    except UnicodeEncodeError:
        return False
