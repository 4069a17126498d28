"""What is read of the embedded store: on a connection of its own, so it sees the latest commit and waits for nobody."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from wistro.store import sqlite_tasks, tables
from wistro.store.port import Chunk, DeadLetter, DeliveryRow, Gate, RunRow, StoredAnswer
from wistro.store.state import MISSING
from wistro.store.tasks import COLUMNS, TaskFilter, TaskLink, TaskRow

NEXT_PLACE = (
    "SELECT deployment_id, step FROM deliveries WHERE claimed = 0 AND (deployment_id, step) > (?, ?)"
    " ORDER BY deployment_id, step LIMIT 1"
)
DELAYED_OF = (
    "SELECT due_at_us, seq FROM deliveries WHERE claimed = 0 AND deployment_id = ? AND step = ? AND due_at_us >= ?"
    " AND (due_at_us, seq) > (?, ?) AND due_at_us > ? ORDER BY due_at_us, seq LIMIT ?"
)
ANSWERS_KEPT_US = 24 * 3600 * 1_000_000


class SqliteReads:
    """The reading half of `Store`."""

    stream: str

    def __init__(self, reader: sqlite3.Connection) -> None:
        self._reader = reader

    def get(self, group: str, key: str) -> Any:
        row = self._row('SELECT value FROM state WHERE "group" = ? AND key = ?', group, key)
        return None if row is None else msgspec.json.decode(row[0])

    def list(self, group: str) -> list[list[Any]]:
        rows = self._rows('SELECT key, value FROM state WHERE "group" = ? ORDER BY key', group)
        return [[key, msgspec.json.decode(value)] for key, value in rows]

    async def groups(self, *, after: str | None = None, limit: int = 100) -> list[tuple[str, int]]:
        sql = (
            'SELECT "group", count(*) FROM state WHERE (?1 IS NULL OR "group" > ?1)'
            ' GROUP BY "group" ORDER BY "group" LIMIT ?2'
        )
        return [(group, keys) for group, keys in self._rows(sql, after, limit)]

    async def entries(
        self, group: str, *, after: str | None = None, limit: int = 100
    ) -> list[tuple[str, Any]]:
        sql = (
            'SELECT key, value FROM state WHERE "group" = ?1 AND (?2 IS NULL OR key > ?2)'
            " ORDER BY key LIMIT ?3"
        )
        rows = self._rows(sql, group, after, limit)
        return [(key, msgspec.json.decode(value)) for key, value in rows]

    async def entry(self, group: str, key: str) -> Any:
        row = self._row('SELECT value FROM state WHERE "group" = ? AND key = ?', group, key)
        return MISSING if row is None else msgspec.json.decode(row[0])

    async def answer(self, key: str, *, now_us: int) -> StoredAnswer | None:
        row = self._row(
            "SELECT status, headers, body, run_id FROM answers WHERE key = ? AND expires_at_us > ?",
            key,
            now_us,
        )
        if row is None:
            return None
        headers = [(name, value) for name, value in msgspec.json.decode(row[1])]
        return StoredAnswer(row[0], headers, row[2], row[3])

    async def next_due(self, deployment_id: str, step: str) -> int | None:
        row = self._row(tables.NEXT_DUE, deployment_id, step)
        return None if row is None else row[0]

    async def waiting_steps(self, deployment_id: str) -> list[str]:
        return [row[0] for row in self._rows(tables.WAITING_STEPS, deployment_id)]

    async def runs(self, *, marked: str | None = None) -> list[RunRow]:
        where = "" if marked is None else " WHERE mark = ?"
        values = () if marked is None else (marked,)
        sql = f"SELECT {tables.RUN}, 1, {sqlite_tasks.WAITS} FROM runs{where} ORDER BY run_seq"
        return [RunRow(*row) for row in self._rows(sql, *values)]

    async def totals(self, deployment_id: str) -> tuple[int, int]:
        # Of a deployment that is not loaded nothing is held in memory, so all of it is in the index of what waits.
        # Without it each load would read every message of the whole store: 0.7 s for 200,000 of 1 KiB.
        runs = self._rows("SELECT count(*) FROM runs WHERE deployment_id = ?", deployment_id)
        waiting = self._rows(
            "SELECT count(*) FROM deliveries WHERE claimed = 0 AND deployment_id = ?", deployment_id
        )
        parked = self._rows(
            "SELECT count(*) FROM deliveries WHERE claimed = -1 AND deployment_id = ?",
            deployment_id,
        )
        return runs[0][0], waiting[0][0] + parked[0][0]

    async def gated_steps(self, deployment_id: str) -> list[str]:
        sql = "SELECT DISTINCT step FROM gates WHERE deployment_id = ? AND state != 5 ORDER BY step"
        return [row[0] for row in self._rows(sql, deployment_id)]

    async def known_ids(self, keys: list[str], *, now_us: int) -> list[str]:
        sql = "SELECT 1 FROM emitted_ids WHERE key = ? AND expires_at_us > ?"
        return [key for key in keys if self._row(sql, key, now_us)]

    async def run(self, run_id: str) -> RunRow | None:
        row = self._row(
            f"SELECT {tables.RUN}, 1, {sqlite_tasks.WAITS} FROM runs WHERE run_id = ?", run_id
        )
        return None if row is None else RunRow(*row)

    async def run_deliveries(self, run_seq: int) -> list[DeliveryRow]:
        sql = f"SELECT {tables.DELIVERY} FROM deliveries WHERE run_seq = ? ORDER BY seq"
        return [self._at_gate(delivery(row)) for row in self._rows(sql, run_seq)]

    def _at_gate(self, one: DeliveryRow) -> DeliveryRow:
        gate = self._row("SELECT lane, slot, meter FROM gates WHERE seq = ?", one.seq)
        one.gate = None if gate is None else Gate(*gate)
        return one

    async def delivery(self, seq: int) -> tuple[DeliveryRow, RunRow] | None:
        row = self._row(f"SELECT {tables.DELIVERY} FROM deliveries WHERE seq = ?", seq)
        if row is None:
            return None
        found = self._at_gate(delivery(row))
        sql = f"SELECT {tables.RUN}, 1, {sqlite_tasks.WAITS} FROM runs WHERE run_seq = ?"
        run = self._row(sql, found.run_seq)
        return None if run is None else (found, RunRow(*run))

    async def open_delivery(self, delivery_id: str) -> tuple[DeliveryRow, RunRow] | None:
        row = self._row("SELECT seq FROM deliveries WHERE delivery_id = ?", delivery_id)
        return None if row is None else await self.delivery(row[0])

    async def delayed(
        self, *, now_us: int, limit: int, after: tuple[int, int] | None = None
    ) -> list[tuple[DeliveryRow, RunRow]]:
        """A seek for each step with something that waits, in the index of that, and then the first of all these."""
        due_us, seq = max(after or (now_us, -1), (now_us, -1))
        places: list[tuple[int, int]] = []
        place = ("", "")
        while step := self._row(NEXT_PLACE, *place):
            place = (step[0], step[1])
            places += self._rows(DELAYED_OF, *place, due_us, due_us, seq, now_us, limit)
        found = [await self.delivery(seq) for _, seq in sorted(places)[:limit]]
        return [one for one in found if one is not None]

    async def tasks(self, wanted: TaskFilter) -> list[TaskRow]:
        sql, values = sqlite_tasks.listed(wanted)
        return [TaskRow(*row) for row in self._rows(sql, *values)]

    async def task(self, task_id: str) -> TaskRow | None:
        row = self._row(f"SELECT {COLUMNS} FROM tasks WHERE task_id = ?", task_id)
        return None if row is None else TaskRow(*row)

    async def task_link(self, token_sha256: str) -> TaskLink | None:
        row = self._row("SELECT * FROM task_links WHERE token_sha256 = ?", token_sha256)
        return None if row is None else TaskLink(*row)

    async def cursor(self, schedule_id: str) -> int | None:
        row = self._row("SELECT settled_until_us FROM cursors WHERE schedule_id = ?", schedule_id)
        return None if row is None else row[0]

    async def dead_letters(
        self, *, limit: int = 100, before: str | None = None
    ) -> list[DeadLetter]:
        """Newest first by delivery id, which is in order of time."""
        sql = f"SELECT {tables.DEAD_LETTER} FROM dead_letters WHERE delivery_id < ? ORDER BY delivery_id DESC LIMIT ?"
        return [tables.dead_letter(row) for row in self._rows(sql, before or "~", limit)]

    async def dead_letter(self, delivery_id: str) -> DeadLetter | None:
        sql = f"SELECT {tables.DEAD_LETTER} FROM dead_letters WHERE delivery_id = ?"
        row = self._row(sql, delivery_id)
        return None if row is None else tables.dead_letter(row)

    async def leftovers(self) -> list[Chunk]:
        sql = (
            "SELECT outbox.stream, first_seq, outbox.last_seq, lines FROM outbox JOIN streams USING (stream)"
            " WHERE stream != ? ORDER BY boot, first_seq"
        )
        rows = self._rows(sql, self.stream)
        return [Chunk(stream, first, last, lines, True) for stream, first, last, lines in rows]

    async def streams(self) -> list[tuple[str, int]]:
        sql = "SELECT stream, last_seq FROM streams WHERE stream != ? ORDER BY boot"
        return [(stream, last_seq) for stream, last_seq in self._rows(sql, self.stream)]

    def _row(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        return self._reader.execute(sql, values).fetchone()

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._reader.execute(sql, values).fetchall()


def delivery(row: tuple[Any, ...]) -> DeliveryRow:
    one = DeliveryRow(*row)
    one.suspect, one.claimed = bool(one.suspect), one.claimed > 0
    return one
