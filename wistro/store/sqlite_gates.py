"""Where deliveries of limited steps wait in the embedded store, and who is let through.

A delivery with a gate is scanned once: it is let through, or parked (`claimed` -1, out of the index of what waits) until
its lane's head leaves, a slot is free or its meter allows another. So what waits behind one busy key costs nothing.
Every change of who may pass is made in the transaction of what caused it, and what a boot held when it died waits again.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from wistro.store import sqlite_reads as reads
from wistro.store import sqlite_tasks, tables
from wistro.store.port import Admission, Admitted, DeliveryRow, Gate, RunRow

WAITS, IN, FOR_LANE, FOR_SLOT, FOR_METER, BLOCKS = range(6)
SCAN = 1_000  # rows looked at in one go
SCAN_BESIDES = 32  # those that may be parked of them
UNPARK = 512  # of one meter, in one go

TABLES = """
-- One row a delivery of a limited step, and one a dead letter that blocks its lane. `place` is its number in its lane,
-- NULL until it joins; `state` is WAITS | IN | FOR_LANE | FOR_SLOT | FOR_METER | BLOCKS.
CREATE TABLE IF NOT EXISTS gates (
  seq INTEGER PRIMARY KEY, deployment_id TEXT NOT NULL, step TEXT NOT NULL, lane TEXT, slot TEXT, meter TEXT,
  place INTEGER, state INTEGER NOT NULL, due_at_us INTEGER NOT NULL, dead_id TEXT
);
CREATE INDEX IF NOT EXISTS gates_of ON gates (deployment_id, step);
CREATE INDEX IF NOT EXISTS gates_in_lane ON gates (step, lane, place) WHERE lane IS NOT NULL;
CREATE INDEX IF NOT EXISTS gates_in ON gates (step, slot) WHERE state = 1;
CREATE INDEX IF NOT EXISTS gates_for_slot ON gates (step, slot, deployment_id, seq) WHERE state = 3;
CREATE INDEX IF NOT EXISTS gates_for_meter ON gates (deployment_id, step, meter, seq) WHERE state = 4;
CREATE UNIQUE INDEX IF NOT EXISTS gates_dead ON gates (dead_id) WHERE dead_id IS NOT NULL;

-- The latest attempts of a meter, numbered: the one `limit` before the last says when the next may begin.
CREATE TABLE IF NOT EXISTS starts (
  step TEXT NOT NULL, meter TEXT NOT NULL, number INTEGER NOT NULL, at_us INTEGER NOT NULL, until_us INTEGER NOT NULL,
  CONSTRAINT starts_are_numbered UNIQUE (step, meter, number)
);
CREATE INDEX IF NOT EXISTS starts_expiring ON starts (until_us);
-- Meters at which something is parked, and when they allow another.
CREATE TABLE IF NOT EXISTS meters (
  deployment_id TEXT NOT NULL, step TEXT NOT NULL, meter TEXT NOT NULL, next_us INTEGER NOT NULL,
  PRIMARY KEY (deployment_id, step, meter)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS meters_next ON meters (deployment_id, step, next_us);
"""
SCANNED = (
    "SELECT seq, gates.seq, lane, slot, meter, place FROM deliveries LEFT JOIN gates USING (seq) WHERE claimed = 0"
    " AND deliveries.deployment_id = ?1 AND deliveries.step = ?2 AND deliveries.due_at_us <= ?3"
    " ORDER BY deliveries.due_at_us, seq LIMIT ?4"
)


@dataclass(slots=True)
class _Pass:
    """One admission at work: what is free, as far as it was looked up."""

    asked: Admission
    free: dict[str, int] = field(default_factory=dict)  # slots, by key
    taken: list[int] = field(default_factory=list)
    again_at_us: int | None = None
    is_over: bool = False  # the step as a whole lets nothing more through

    def again(self, at_us: int) -> None:
        self.again_at_us = at_us if self.again_at_us is None else min(self.again_at_us, at_us)


class SqliteGates:
    """Statements on `_db` within the transaction of a group."""

    _db: sqlite3.Connection
    _boot: int

    # Coming

    def _wait_at_gate(self, one: DeliveryRow) -> None:
        """A new delivery: it takes its place in its lane at once, unless it is due later."""
        gate = one.gate
        assert gate is not None
        self._put(one, gate)
        if gate.lane is not None and not gate.is_later:
            self._join_due(one.step, gate.lane, one.due_at_us)
            if not self._join(one.seq, one.step, gate.lane):
                self._park(one.seq, FOR_LANE)

    def _put(self, one: DeliveryRow, gate: Gate) -> None:
        self._db.execute(
            "INSERT INTO gates (seq, deployment_id, step, lane, slot, meter, state, due_at_us) VALUES (?,?,?,?,?,?,?,?)",
            (
                one.seq,
                one.deployment_id,
                one.step,
                gate.lane,
                gate.slot,
                gate.meter,
                WAITS,
                one.due_at_us,
            ),
        )

    def _join_due(self, step: str, lane: str, now_us: int) -> None:
        """What was delayed and is due by now comes before what joins now."""
        due = self._db.execute(
            "SELECT seq FROM gates WHERE step = ? AND lane = ? AND place IS NULL AND due_at_us < ?"
            " ORDER BY due_at_us, seq",
            (step, lane, now_us),
        ).fetchall()
        for (seq,) in due:
            self._join(seq, step, lane)

    def _join(self, seq: int, step: str, lane: str) -> bool:
        """At the lane's tail; whether that is its head."""
        first, last = self._db.execute(
            "SELECT min(place), max(place) FROM gates WHERE step = ? AND lane = ?", (step, lane)
        ).fetchone()
        self._db.execute("UPDATE gates SET place = ? WHERE seq = ?", ((last or 0) + 1, seq))
        return first is None

    # Leaving

    def _leave_gate(self, seq: int, *, dead_id: str | None = None) -> None:
        """`dead_id`: it stays in its lane as what blocks it."""
        row = self._db.execute(
            "SELECT step, lane, slot, state FROM gates WHERE seq = ?", (seq,)
        ).fetchone()
        if row is None:
            return
        step, lane, slot, state = row
        if dead_id is not None and lane is not None:
            self._db.execute(
                "UPDATE gates SET state = ?, dead_id = ?, slot = NULL, meter = NULL WHERE seq = ?",
                (BLOCKS, dead_id, seq),
            )
        else:
            self._db.execute("DELETE FROM gates WHERE seq = ?", (seq,))
            self._next_in_lane(step, lane)
        if state in (WAITS, IN):
            self._next_for_slot(step, slot)

    def _wait_again(self, one: DeliveryRow) -> None:
        """It is tried again later, or put back: its place in its lane stays, its slot is free."""
        self._db.execute(
            "UPDATE gates SET state = ?, due_at_us = ? WHERE seq = ?",
            (WAITS, one.due_at_us, one.seq),
        )
        assert one.gate is not None
        self._next_for_slot(one.step, one.gate.slot)

    def _unblock(self, dead_id: str) -> None:
        """A dead letter is redriven or deleted: the lane that it blocked goes on."""
        row = self._db.execute(
            "SELECT seq, step, lane FROM gates WHERE dead_id = ?", (dead_id,)
        ).fetchone()
        if row is not None:
            self._db.execute("DELETE FROM gates WHERE seq = ?", row[:1])
            self._next_in_lane(*row[1:])

    def _open_gates(self, deployment_id: str, step: str) -> None:
        """The step is limited no more: what waits at its gates just waits."""
        where = (deployment_id, step)
        left = self._db.execute(
            "SELECT seq FROM gates WHERE deployment_id = ? AND step = ? AND state NOT IN (1, 5)",
            where,
        ).fetchall()
        for (seq,) in left:
            self._unpark(seq)
            self._leave_gate(seq)
        self._db.execute("DELETE FROM meters WHERE deployment_id = ? AND step = ?", where)

    def _let_all_wait(self) -> None:
        """At a boot: what an earlier one had let through waits again."""
        held = self._db.execute(
            "SELECT DISTINCT step, slot FROM gates WHERE state = 1 AND slot IS NOT NULL"
        ).fetchall()
        self._db.execute("UPDATE gates SET state = 0 WHERE state = 1")
        for step, slot in held:
            self._next_for_slot(step, slot)

    def _next_in_lane(self, step: str, lane: str | None) -> None:
        if lane is None:
            return
        head = self._db.execute(
            "SELECT seq, state FROM gates WHERE step = ? AND lane = ? AND place IS NOT NULL ORDER BY place LIMIT 1",
            (step, lane),
        ).fetchone()
        if head is not None and head[1] == FOR_LANE:
            self._unpark(head[0])

    def _next_for_slot(self, step: str, slot: str | None) -> None:
        """One of each deployment, for another's may not be loaded; one too many is parked again."""
        if slot is None:
            return
        deployment_id = ""
        while first := self._db.execute(
            "SELECT deployment_id, seq FROM gates WHERE state = 3 AND step = ? AND slot = ? AND deployment_id > ?"
            " ORDER BY deployment_id, seq LIMIT 1",
            (step, slot, deployment_id),
        ).fetchone():
            deployment_id, seq = first
            self._unpark(seq)

    def _park(self, seq: int, state: int) -> None:
        self._db.execute("UPDATE gates SET state = ? WHERE seq = ?", (state, seq))
        self._db.execute("UPDATE deliveries SET claimed = -1 WHERE seq = ?", (seq,))

    def _unpark(self, seq: int) -> None:
        self._db.execute("UPDATE gates SET state = ? WHERE seq = ?", (WAITS, seq))
        self._db.execute("UPDATE deliveries SET claimed = 0 WHERE seq = ? AND claimed = -1", (seq,))

    # Passing

    def _let_through(self, asked: Admission) -> Admitted:
        going = _Pass(asked)
        self._unpark_meters(asked)
        page = min(SCAN, asked.limit + SCAN_BESIDES)
        where = (asked.deployment_id, asked.step, asked.now_us, page)
        scanned = self._db.execute(SCANNED, where).fetchall()
        for seq, gated, *gate, place in scanned:
            if len(going.taken) >= asked.limit or going.is_over:
                break
            if gated is None:
                gate = self._adopt(seq, asked)
            self._look_at(seq, Gate(gate[0], gate[1], gate[2]), place, going)
        else:
            if len(scanned) == page:
                going.again(asked.now_us)
        self._fill_slots(going)
        self._look_ahead(going)
        return Admitted(self._taken(going.taken), going.again_at_us)

    def _look_at(self, seq: int, gate: Gate, place: int | None, going: _Pass) -> None:
        asked = going.asked
        if gate.lane is not None and not self._is_head(seq, gate.lane, place, asked.step):
            self._park(seq, FOR_LANE)
            return
        if gate.slot is not None and asked.slots is not None and self._free(gate.slot, going) <= 0:
            if gate.slot == "":
                going.is_over = True
            else:
                self._park(seq, FOR_SLOT)
            return
        if gate.meter is not None and asked.rate is not None:
            allowed, next_us = self._allowed(gate.meter, asked, most=1)
            if not allowed:
                self._wait_for_meter(seq, gate, next_us, going)
                return
            self._count_start(gate.meter, asked)
        if gate.slot is not None and asked.slots is not None:
            going.free[gate.slot] -= 1
        self._db.execute("UPDATE gates SET state = ? WHERE seq = ?", (IN, seq))
        going.taken.append(seq)

    def _is_head(self, seq: int, lane: str, place: int | None, step: str) -> bool:
        if place is None:
            return self._join(seq, step, lane)
        before = self._db.execute(
            "SELECT 1 FROM gates WHERE step = ? AND lane = ? AND place < ? LIMIT 1",
            (step, lane, place),
        ).fetchone()
        return before is None

    def _free(self, slot: str, going: _Pass) -> int:
        if slot not in going.free:
            (held,) = self._db.execute(
                "SELECT count(*) FROM gates WHERE state = 1 AND step = ? AND slot = ?",
                (going.asked.step, slot),
            ).fetchone()
            going.free[slot] = (going.asked.slots or 0) - held
        return going.free[slot]

    def _fill_slots(self, going: _Pass) -> None:
        """Where slots are left, as after a limit was raised, more of what is parked is looked at."""
        for slot, free in going.free.items():
            parked = self._db.execute(
                "SELECT seq FROM gates WHERE state = 3 AND step = ? AND slot = ? AND deployment_id = ? ORDER BY seq LIMIT ?",
                (going.asked.step, slot, going.asked.deployment_id, max(0, free)),
            ).fetchall()
            for (seq,) in parked:
                self._unpark(seq)
                going.again(going.asked.now_us)

    def _look_ahead(self, going: _Pass) -> None:
        asked = going.asked
        where = (asked.deployment_id, asked.step)
        for sql, values in (
            (
                "SELECT min(due_at_us) FROM deliveries WHERE claimed = 0 AND deployment_id = ? AND step = ? AND due_at_us > ?",
                (*where, asked.now_us),
            ),
            ("SELECT min(next_us) FROM meters WHERE deployment_id = ? AND step = ?", where),
        ):
            (at_us,) = self._db.execute(sql, values).fetchone()
            if at_us is not None:
                going.again(at_us)

    def _taken(self, seqs: list[int]) -> list[tuple[DeliveryRow, RunRow]]:
        taken: list[tuple[DeliveryRow, RunRow]] = []
        for seq in seqs:
            row = self._db.execute(
                f"UPDATE deliveries SET claimed = ? WHERE seq = ? RETURNING {tables.DELIVERY}",
                (self._boot, seq),
            ).fetchone()
            one = reads.delivery(row)
            lane, slot, meter = self._db.execute(
                "SELECT lane, slot, meter FROM gates WHERE seq = ?", (seq,)
            ).fetchone()
            one.gate = Gate(lane, slot, meter)
            run = self._db.execute(
                f"SELECT {tables.RUN}, 1, {sqlite_tasks.WAITS} FROM runs WHERE run_seq = ?",
                (one.run_seq,),
            ).fetchone()
            if run is None:
                self._leave_gate(seq)  # its run was ended under it, and it must not stop the others
            else:
                taken.append((one, RunRow(*run)))
        return taken

    def _adopt(self, seq: int, asked: Admission) -> list[str | None]:
        """It was emitted before its step was limited."""
        row = self._db.execute(
            f"SELECT {tables.DELIVERY} FROM deliveries WHERE seq = ?", (seq,)
        ).fetchone()
        one = reads.delivery(row)
        gate = asked.gate_of(one)
        self._put(one, gate)
        return [gate.lane, gate.slot, gate.meter]

    # Meters

    def _allowed(self, meter: str, asked: Admission, *, most: int) -> tuple[int, int]:
        """How many may begin now, and when the next after those."""
        assert asked.rate is not None
        limit, per_us = asked.rate.limit, asked.rate.per_us
        (last,) = self._db.execute(
            "SELECT max(number) FROM starts WHERE step = ? AND meter = ?", (asked.step, meter)
        ).fetchone()
        for allowed in range(min(most, limit)):
            row = self._db.execute(
                "SELECT at_us FROM starts WHERE step = ? AND meter = ? AND number = ?",
                (asked.step, meter, (last or 0) - limit + 1 + allowed),
            ).fetchone()
            # A clock that was ahead when it began must not hold the others up until then.
            if row is not None and min(row[0], asked.now_us) + per_us > asked.now_us:
                return allowed, min(row[0], asked.now_us) + per_us
        return min(most, limit), asked.now_us

    def _count_start(self, meter: str, asked: Admission) -> None:
        assert asked.rate is not None
        self._db.execute(
            "INSERT INTO starts SELECT ?1, ?2, coalesce(max(number), 0) + 1, ?3, ?4 FROM starts"
            " WHERE step = ?1 AND meter = ?2",
            (asked.step, meter, asked.now_us, asked.now_us + asked.rate.per_us),
        )
        # Two leave for each that comes, so that no clean-up is ever large.
        self._db.execute(
            "DELETE FROM starts WHERE rowid IN"
            " (SELECT rowid FROM starts WHERE until_us <= ? ORDER BY until_us LIMIT 2)",
            (asked.now_us,),
        )

    def _wait_for_meter(self, seq: int, gate: Gate, next_us: int, going: _Pass) -> None:
        asked = going.asked
        if gate.meter == "":
            going.is_over = True
            going.again(next_us)
            return
        self._park(seq, FOR_METER)
        self._db.execute(
            "INSERT OR REPLACE INTO meters VALUES (?,?,?,?)",
            (asked.deployment_id, asked.step, gate.meter, next_us),
        )
        if gate.slot != "":
            self._next_for_slot(asked.step, gate.slot)  # it does not use the slot that it may have

    def _unpark_meters(self, asked: Admission) -> None:
        where = (asked.deployment_id, asked.step)
        ready = self._db.execute(
            "SELECT meter FROM meters WHERE deployment_id = ? AND step = ? AND next_us <= ? ORDER BY next_us, meter LIMIT ?",
            (*where, asked.now_us, SCAN),
        ).fetchall()
        for (meter,) in ready:
            allowed, next_us = UNPARK, asked.now_us
            if asked.rate is not None:
                allowed, next_us = self._allowed(meter, asked, most=UNPARK)
            parked = self._db.execute(
                "SELECT seq FROM gates WHERE state = 4 AND deployment_id = ? AND step = ? AND meter = ?"
                " ORDER BY seq LIMIT ?",
                (*where, meter, allowed),
            ).fetchall()
            for (seq,) in parked:
                self._unpark(seq)
            if len(parked) < allowed:
                self._db.execute(
                    "DELETE FROM meters WHERE deployment_id = ? AND step = ? AND meter = ?",
                    (*where, meter),
                )
            else:
                self._db.execute(
                    "UPDATE meters SET next_us = ? WHERE deployment_id = ? AND step = ? AND meter = ?",
                    (next_us, *where, meter),
                )
