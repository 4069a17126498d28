"""Applying a group of units to the embedded store: their rows, in one transaction, each unit whole or refused alone."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from wistro.store import sqlite_reads as reads
from wistro.store import sqlite_tasks, tables
from wistro.store.numbering import numbered
from wistro.store.port import (
    IDS_KEPT_US,
    Admission,
    Admitted,
    BadStateOperation,
    DeliveryRow,
    Fenced,
    IdTaken,
    RunRow,
    TickTaken,
    Unit,
    Unnumbered,
)
from wistro.store.sqlite_gates import SqliteGates
from wistro.store.state import MISSING, settle

# What is wrong with one unit, and no reason to refuse its neighbours. A ValueError is a text with lone surrogates,
# an OverflowError a number beyond int64.
REFUSALS = (
    Fenced,
    TickTaken,
    IdTaken,
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    OverflowError,
    ValueError,
    TypeError,
)
TICKS_KEPT_US = 7 * 24 * 3600 * 1_000_000


@dataclass(slots=True)
class Claim:
    deployment_id: str
    step: str
    due_at_us: int
    limit: int
    taken: list[tuple[DeliveryRow, RunRow]]


@dataclass(slots=True)
class Asking:
    admission: Admission
    taken: Admitted | None = None


@dataclass(slots=True)
class Submitted:
    unit: Unit
    then: Callable[[], None] | None


Waiting = tuple[Submitted | Claim | Asking, "asyncio.Future[Any]"]


class SqliteWrites(SqliteGates, reads.SqliteReads):
    """The applying half of `Store`: statements on `_db`, between a BEGIN and a COMMIT that are another's."""

    _db: sqlite3.Connection
    _boot: int
    _seq: int

    def _apply(self, group: list[Waiting]) -> list[Waiting]:
        """Run a group's statements; those that were refused have their future failed. Returns the others."""
        self._begin()
        try:
            kept = [waiting for waiting in group if self._settle_state(waiting)]
            units = [work.unit for work, _ in kept if isinstance(work, Submitted)]
            if self._write(units) != sum(_fenced_rows(one) for one in units):
                raise Fenced
        except REFUSALS:
            self._db.execute("ROLLBACK")
            self._begin()
            kept = [waiting for waiting in group if self._apply_alone(waiting)]
        for work, _ in kept:
            if isinstance(work, Claim):
                self._take(work)
            elif isinstance(work, Asking):
                work.taken = self._let_through(work.admission)
        self._write_outbox([work.unit for work, _ in kept if isinstance(work, Submitted)])
        return kept

    def _begin(self) -> None:
        self._records: list[bytes] = []
        # Told with the group's end: what refused them is not so before it is on disk.
        self._refused: list[tuple[asyncio.Future[Any], Exception]] = []
        self._group_bytes = 4096
        self._db.execute("BEGIN IMMEDIATE")
        (boot,) = self._db.execute("SELECT value FROM meta WHERE name = 'boot'").fetchone()
        if boot != self._boot:
            raise sqlite3.OperationalError("another engine has taken this store over")

    def _settle_state(self, waiting: Waiting) -> bool:
        """Apply the unit's state writes, which cannot fail once they are worked out; False when they do not fit."""
        work, future = waiting
        if not isinstance(work, Submitted) or not work.unit.writes:
            return True
        try:
            settled = settle(work.unit.writes, read=self._read_state)
        except BadStateOperation as refused:
            self._refused.append((future, refused))
            return False
        for group, key, value in settled:
            if key is None:
                self._db.execute('DELETE FROM state WHERE "group" = ?', (group,))
            elif value is MISSING:
                self._db.execute('DELETE FROM state WHERE "group" = ? AND key = ?', (group, key))
            else:
                self._db.execute(tables.SET_STATE, (group, key, msgspec.json.encode(value)))
        return True

    def _read_state(self, group: str, key: str) -> Any:
        row = self._db.execute(
            'SELECT value FROM state WHERE "group" = ? AND key = ?', (group, key)
        ).fetchone()
        return MISSING if row is None else msgspec.json.decode(row[0])

    def _apply_alone(self, waiting: Waiting) -> bool:
        work, future = waiting
        if not isinstance(work, Submitted):
            return True
        unit = work.unit
        self._db.execute("SAVEPOINT unit")
        try:
            applied = self._settle_state(waiting)
            if applied and self._write([unit]) != _fenced_rows(unit):
                raise Fenced("this attempt is no longer its delivery's current one")
        except REFUSALS as refused:
            self._db.execute("ROLLBACK TO unit")
            self._refused.append((future, refused))
            applied = False
        self._db.execute("RELEASE unit")
        return applied

    def _write(self, units: list[Unit]) -> int:
        """Write the units' rows; returns how many fenced rows were there to be changed."""
        db, boot = self._db, self._boot
        if ticks := [unit.tick for unit in units if unit.tick]:
            self._write_ticks(ticks)
        if rows := [tables.run_values(run) for unit in units for run in unit.new_runs]:
            db.executemany(tables.INSERT_RUN, rows)
        if rows := [
            tables.delivery_values(one, boot) for unit in units for one in unit.new_deliveries
        ]:
            db.executemany(tables.INSERT_DELIVERY, rows)
        for unit in units:
            if unit.ids:
                self._write_ids(unit.ids)
            for one in unit.new_deliveries:
                if one.gate is not None:
                    self._wait_at_gate(one)
        changed = 0
        if rows := [key for unit in units for key in unit.finished]:
            changed += db.executemany(tables.FINISH_DELIVERY, rows).rowcount
        if rows := [tables.retry_values(*one, boot) for unit in units for one in unit.retried]:
            changed += db.executemany(tables.RETRY_DELIVERY, rows).rowcount
        if rows := [change for unit in units for change in unit.run_changes]:
            changed += db.executemany(tables.CHANGE_RUN, rows).rowcount
        if rows := [unit.ends for unit in units if unit.ends]:
            changed += db.executemany(tables.END_UNCHANGED_RUN, rows).rowcount
        if rows := [(seq,) for unit in units for seq in unit.ended_runs]:
            db.executemany(tables.END_RUN, rows)
        for unit in units:
            self._change_gates(unit)
            if unit.answer or unit.cursor or unit.dead or unit.redriven or unit.forget:
                self._write_rarer(unit)
            if unit.tasks or unit.task_ends or unit.task_links:
                self._write_tasks(unit)
        return changed

    def _change_gates(self, unit: Unit) -> None:
        dead = unit.dead
        for seq in unit.gated:
            self._leave_gate(seq, dead_id=dead.delivery_id if dead and dead.blocks else None)
        for _, one in unit.retried:
            if one.gate is not None:
                self._wait_again(one)
        if unit.redriven:
            self._unblock(unit.redriven)
        for deployment_id, step in unit.ungated:
            self._open_gates(deployment_id, step)

    def _write_ids(self, ids: list[tuple[str, int]]) -> None:
        taken: list[str] = []
        for key, expires_at_us in ids:
            now_us = expires_at_us - IDS_KEPT_US
            # Two leave for each that comes, so that no clean-up is ever large.
            self._db.execute(
                "DELETE FROM emitted_ids WHERE key = ?1 AND expires_at_us <= ?2 OR key IN (SELECT key FROM"
                " emitted_ids WHERE expires_at_us <= ?2 ORDER BY expires_at_us LIMIT 2)",
                (key, now_us),
            )
            added = self._db.execute(
                "INSERT INTO emitted_ids VALUES (?,?) ON CONFLICT DO NOTHING", (key, expires_at_us)
            )
            if added.rowcount != 1:
                taken.append(key)
        if taken:
            raise IdTaken(taken)

    def _write_ticks(self, ticks: list[tuple[str, int]]) -> None:
        for schedule_id, scheduled_at_us in ticks:
            try:
                self._db.execute("INSERT INTO ticks VALUES (?,?)", (schedule_id, scheduled_at_us))
            except sqlite3.IntegrityError as duplicate:
                raise TickTaken(f"{schedule_id} at {scheduled_at_us}") from duplicate
            self._db.execute(
                "DELETE FROM ticks WHERE schedule_id = ? AND scheduled_at_us < ?",
                (schedule_id, scheduled_at_us - TICKS_KEPT_US),
            )

    def _write_rarer(self, unit: Unit) -> None:
        db = self._db
        if unit.answer:
            key, answer, expires_at_us = unit.answer
            headers = msgspec.json.encode(answer.headers)
            db.execute(
                tables.INSERT_ANSWER,
                (key, answer.status, headers, answer.body, answer.run_id, expires_at_us),
            )
            # Two leave for each that comes, so the table holds a day's worth and no clean-up is ever large.
            db.execute(
                "DELETE FROM answers WHERE key IN (SELECT key FROM answers WHERE expires_at_us <= ?"
                " ORDER BY expires_at_us LIMIT 2)",
                (expires_at_us - reads.ANSWERS_KEPT_US,),
            )
        if unit.cursor:
            db.execute(tables.MOVE_CURSOR, unit.cursor)
        if unit.dead:
            db.execute(tables.INSERT_DEAD_LETTER, tables.dead_letter_values(unit.dead))
        if unit.redriven:
            gone = db.execute("DELETE FROM dead_letters WHERE delivery_id = ?", (unit.redriven,))
            if gone.rowcount != 1:
                raise Fenced("this dead letter has been redriven before")
        if unit.forget:
            stream, seq = unit.forget
            db.execute("DELETE FROM outbox WHERE stream = ? AND last_seq <= ?", unit.forget)
            if stream != self.stream:
                db.execute("DELETE FROM streams WHERE stream = ? AND last_seq <= ?", (stream, seq))

    def _write_tasks(self, unit: Unit) -> None:
        for opened in unit.tasks:
            sqlite_tasks.open_task(self._db, opened)
        for ended in unit.task_ends:
            sqlite_tasks.end_task(self._db, ended)
        for link in unit.task_links:
            sqlite_tasks.keep_link(self._db, link)

    def _take(self, claim: Claim) -> None:
        where = (self._boot, claim.deployment_id, claim.step, claim.due_at_us, claim.limit)
        taken = [reads.delivery(row) for row in self._db.execute(tables.CLAIM, where).fetchall()]
        for one in sorted(taken, key=lambda one: (one.due_at_us, one.seq)):
            run = self._db.execute(
                f"SELECT {tables.RUN}, 1, {sqlite_tasks.WAITS} FROM runs WHERE run_seq = ?",
                (one.run_seq,),
            ).fetchone()
            if run is None:
                continue  # its run was ended under it: nobody waits for it, and it must not stop the others
            one.claimed = True
            claim.taken.append((one, RunRow(*run)))

    def _write_outbox(self, units: list[Unit]) -> None:
        records = [record for unit in units for record in unit.records]
        if not records:
            return
        first = self._seq + 1
        self._records = self._numbered(records)
        lines = b"".join(self._records)
        self._group_bytes += len(lines) * 2
        self._db.execute(
            "INSERT INTO outbox VALUES (?,?,?,?)", (self.stream, first, self._seq, lines)
        )

    def _numbered(self, records: list[Unnumbered]) -> list[bytes]:
        parts, self._seq = numbered(records, after=self._seq)
        return parts


def _fenced_rows(unit: Unit) -> int:
    """How many rows it must find as it left them."""
    rows = len(unit.finished) + len(unit.retried) + len(unit.run_changes)
    return rows + (unit.ends is not None)
