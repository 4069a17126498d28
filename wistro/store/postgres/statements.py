"""What a group of units comes to, as statements over whole batches: a few a group, however many units it has.

Each takes its locks in the same order as every other engine's group does: table after table as listed here, in each
by key. So two groups wait for one another in a row, not in a ring.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from wistro.store import tables
from wistro.store.port import AnswerTaken, Fenced, IdTaken, TickTaken, Unit
from wistro.store.postgres import gates, tasks
from wistro.store.postgres.arrays import Blobs, Ints, Texts

TICKS_KEPT_US = 7 * 24 * 3600 * 1_000_000
ANSWERS_KEPT_US = 24 * 3600 * 1_000_000


@dataclass(frozen=True, slots=True)
class Batch:
    """One statement. `rows` it must change: another number refuses its unit, with `refusal`."""

    sql: str
    values: Sequence[Any]
    rows: int | None = None
    refusal: Exception | None = None


RUN = "run_seq, run_id, deployment_id, header, open, mark"
# A `RunRow` of a run `r` of one's own.
RUN_ROW = ", ".join(f"r.{name}" for name in RUN.split(", ")) + f", true, {tasks.WAITS}"
DELIVERY = tables.DELIVERY

FENCE = (
    "UPDATE engines SET last_group = %s, last_seq = %s WHERE boot = %s AND session = %s AND NOT is_gone"
    " RETURNING 1"
)
INSERT_TICKS = "INSERT INTO ticks SELECT * FROM unnest(%s, %s) ON CONFLICT DO NOTHING"
FORGET_TICKS = (
    "DELETE FROM ticks WHERE (schedule_id, scheduled_at_us) IN (SELECT schedule_id, scheduled_at_us FROM ticks"
    " WHERE schedule_id = ANY(%s) AND scheduled_at_us < %s FOR UPDATE SKIP LOCKED)"
)
INSERT_RUNS = (
    f"INSERT INTO runs ({RUN}, owner) SELECT *, %s::bigint FROM unnest(%s, %s, %s, %s, %s, %s)"
)
INSERT_DELIVERIES = (
    f"INSERT INTO deliveries ({DELIVERY}, owner)"
    f" SELECT *, %s::bigint FROM unnest({', '.join(['%s'] * 16)})"
)
FINISH_DELIVERIES = (
    "DELETE FROM deliveries d USING unnest(%s, %s) AS done (seq, number)"
    " WHERE d.seq = done.seq AND d.number = done.number AND d.owner = %s"
)
RETRY_DELIVERIES = (
    "UPDATE deliveries d SET number = again.number, charged = again.charged, lone_deaths = again.lone_deaths,"
    " suspect = again.suspect, due_at_us = again.due_at_us, claimed = again.claimed"
    " FROM unnest(%s, %s, %s, %s, %s, %s, %s, %s)"
    " AS again (seq, fence, number, charged, lone_deaths, suspect, due_at_us, claimed)"
    " WHERE d.seq = again.seq AND d.number = again.fence AND d.owner = %s"
)
CHANGE_RUNS = (
    "UPDATE runs r SET open = r.open + by.change, mark = CASE by.mark WHEN '' THEN r.mark ELSE by.mark END"
    " FROM unnest(%s, %s, %s) AS by (run_seq, change, mark) WHERE r.run_seq = by.run_seq AND r.owner = %s"
)
END_RUNS = "DELETE FROM runs WHERE run_seq = ANY(%s) AND owner = %s"
END_UNCHANGED_RUNS = (
    "DELETE FROM runs r USING unnest(%s, %s) AS ends (run_seq, open)"
    " WHERE r.run_seq = ends.run_seq AND r.open = ends.open AND r.owner = %s"
)
INSERT_ANSWERS = (
    "INSERT INTO answers (key, status, headers, body, run_id, expires_at_us)"
    " SELECT * FROM unnest(%s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (key) DO UPDATE SET status = excluded.status, headers = excluded.headers, body = excluded.body,"
    " run_id = excluded.run_id, expires_at_us = excluded.expires_at_us"
    " WHERE answers.expires_at_us <= extract(epoch FROM clock_timestamp()) * 1000000"
)
FORGET_ANSWERS = (
    "DELETE FROM answers WHERE key IN (SELECT key FROM answers WHERE expires_at_us <= %s"
    " ORDER BY expires_at_us LIMIT %s FOR UPDATE SKIP LOCKED)"
)
MOVE_CURSORS = (
    "INSERT INTO cursors SELECT * FROM unnest(%s, %s) ON CONFLICT (schedule_id)"
    " DO UPDATE SET settled_until_us = greatest(cursors.settled_until_us, excluded.settled_until_us)"
)
TAKE_DEAD_LETTERS = "DELETE FROM dead_letters WHERE delivery_id = ANY(%s)"
INSERT_DEAD_LETTERS = (
    f"INSERT INTO dead_letters ({tables.DEAD_LETTER})"
    f" SELECT * FROM unnest({', '.join(['%s'] * 18)}) ON CONFLICT (delivery_id) DO NOTHING"
)
DONE_COMMANDS = "DELETE FROM commands WHERE command_id = ANY(%s)"
FORGET_RECORDS = (
    "DELETE FROM outbox o USING unnest(%s, %s) AS kept (stream, seq)"
    " WHERE o.stream = kept.stream AND o.last_seq <= kept.seq"
)
CLOSE_STREAMS = (
    "UPDATE engines e SET is_shipped = true FROM unnest(%s, %s) AS kept (stream, seq)"
    " WHERE e.stream = kept.stream AND e.last_seq <= kept.seq AND e.is_gone AND e.boot <> %s"
)
INSERT_OUTBOX = "INSERT INTO outbox VALUES (%s, %s, %s, %s)"
CLAIM = """
WITH due AS (
  SELECT d.seq FROM deliveries d JOIN runs r ON r.run_seq = d.run_seq
  WHERE d.claimed = 0 AND d.owner = %s AND r.owner = d.owner AND d.deployment_id = %s AND d.step = %s
    AND d.due_at_us <= %s
  ORDER BY d.due_at_us, d.seq LIMIT %s FOR UPDATE OF d, r SKIP LOCKED
)
UPDATE deliveries d SET claimed = %s FROM due WHERE d.seq = due.seq
"""
CLAIMED = f"""
SELECT {", ".join(f"d.{name}" for name in DELIVERY.split(", "))}, {RUN_ROW}
FROM deliveries d JOIN runs r ON r.run_seq = d.run_seq
WHERE d.owner = %s AND d.claimed = %s AND d.claimed < 0 AND d.deployment_id = %s AND d.step = %s ORDER BY d.due_at_us, d.seq
"""
ADMITTED = CLAIMED.replace("\nFROM", ", g.lane, g.slot, g.meter\nFROM").replace(
    "\nWHERE", " LEFT JOIN gates g ON g.seq = d.seq\nWHERE"
)
DELIVERY_COLUMNS = DELIVERY.count(",") + 1


def batches(units: list[Unit], *, boot: int, stream: str, group: int) -> Iterable[Batch]:
    """The units' rows, state and records aside, in the order in which every engine locks them."""
    if has_gates := gates.touches(units):
        yield Batch(gates.LOCK, [])
    yield from _ticks([unit.tick for unit in units if unit.tick])
    yield from _ids([id for unit in units for id in unit.ids])
    if runs := [run for unit in units for run in unit.new_runs]:
        columns = [
            Ints([one.seq for one in runs]),
            Texts([one.run_id for one in runs]),
            Texts([one.deployment_id for one in runs]),
            Blobs([one.header for one in runs]),
            Ints([one.open for one in runs]),
            Texts([one.mark for one in runs]),
        ]
        yield Batch(INSERT_RUNS, [boot, *columns])
    if any(unit.new_deliveries for unit in units):
        yield _deliveries(units, boot=boot, group=group)
    if done := [key for unit in units for key in unit.finished]:
        seqs, numbers = zip(*sorted(done), strict=True)
        values = [Ints(seqs), Ints(numbers), boot]
        yield Batch(FINISH_DELIVERIES, values, len(done), Fenced(STALE))
    if any(unit.retried for unit in units):
        yield _retried(units, boot=boot, group=group)
    yield from _runs(units, boot=boot)
    if has_gates:
        for call, values in gates.calls(units):
            yield Batch(call, values)
    if any(unit.tasks or unit.task_ends or unit.task_links for unit in units):
        yield from (Batch(sql, values) for sql, values in tasks.writes(units))
    for unit in units:
        if (
            unit.answer
            or unit.cursor
            or unit.dead
            or unit.redriven
            or unit.forget
            or unit.done_commands
        ):
            yield from _rarer(units, boot=boot, stream=stream)
            break


STALE = "this attempt is no longer its delivery's current one"


def _ticks(ticks: list[tuple[str, int]]) -> Iterable[Batch]:
    if not ticks:
        return
    ids, instants = zip(*sorted(ticks), strict=True)
    taken = TickTaken(", ".join(f"{id} at {at_us}" for id, at_us in ticks))
    yield Batch(INSERT_TICKS, [Texts(ids), Ints(instants)], len(ticks), taken)
    yield Batch(FORGET_TICKS, [Texts(ids), min(instants) - TICKS_KEPT_US])


def _ids(ids: list[tuple[str, int]]) -> Iterable[Batch]:
    if not ids:
        return
    keys, expiries = zip(*sorted(ids), strict=True)
    yield Batch(gates.INSERT_IDS, [Texts(keys), Ints(expiries)], len(ids), IdTaken(list(keys)))
    yield Batch(gates.FORGET_IDS, [min(expiries) - gates.IDS_KEPT_US, 2 * len(ids)])


def _deliveries(units: list[Unit], *, boot: int, group: int) -> Batch:
    rows = [
        (
            one.seq,
            one.delivery_id,
            one.run_seq,
            one.deployment_id,
            one.step,
            one.kind,
            one.topic,
            one.message,
            one.due_at_us,
            one.number,
            one.charged,
            one.lone_deaths,
            int(one.suspect),
            one.parent_attempt_id,
            one.ordinal,
            group if one.claimed else 0,
        )
        for unit in units
        for one in unit.new_deliveries
    ]
    columns = [kind(column) for kind, column in zip(_DELIVERY_KINDS, zip(*rows, strict=True), strict=True)]  # fmt: skip
    return Batch(INSERT_DELIVERIES, [boot, *columns])


_DELIVERY_KINDS = (
    Ints, Texts, Ints, Texts, Texts, Texts, Texts, Blobs, Ints, Ints, Ints, Ints, Ints, Texts, Ints, Ints,
)  # fmt: skip
_DEAD_KINDS = (
    Texts, Texts, Texts, Texts, Texts, Texts, Blobs, Blobs, Texts, Ints, Ints, Blobs, Texts, Ints,
    Texts, Texts, Texts, Ints,
)  # fmt: skip


def _retried(units: list[Unit], *, boot: int, group: int) -> Batch:
    rows = sorted(
        (
            one.seq,
            number,
            one.number,
            one.charged,
            one.lone_deaths,
            int(one.suspect),
            one.due_at_us,
            group if one.claimed else 0,
        )
        for unit in units
        for number, one in unit.retried
    )
    columns = [Ints(column) for column in zip(*rows, strict=True)]
    return Batch(RETRY_DELIVERIES, [*columns, boot], len(rows), Fenced(STALE))


def _runs(units: list[Unit], *, boot: int) -> Iterable[Batch]:
    changes: dict[int, tuple[int, str]] = {}
    for unit in units:
        for seq, change, mark in unit.run_changes:
            before, marked = changes.get(seq, (0, ""))
            changes[seq] = (before + change, mark or marked)
    if changes:
        rows = [(seq, *changes[seq]) for seq in sorted(changes)]
        seqs, counts, marks = zip(*rows, strict=True)
        values = [Ints(seqs), Ints(counts), Texts(marks), boot]
        yield Batch(CHANGE_RUNS, values, len(rows), Fenced("its run has ended, or is another's"))
    if ended := sorted({seq for unit in units for seq in unit.ended_runs}):
        yield Batch(END_RUNS, [Ints(ended), boot])
    if ends := sorted(unit.ends for unit in units if unit.ends):
        seqs, opens = zip(*ends, strict=True)
        changed = Fenced("its run has changed meanwhile")
        yield Batch(END_UNCHANGED_RUNS, [Ints(seqs), Ints(opens), boot], len(ends), changed)


def _rarer(units: list[Unit], *, boot: int, stream: str) -> Iterable[Batch]:
    if answers := sorted(
        (unit.answer for unit in units if unit.answer), key=lambda answer: answer[0]
    ):
        values = [
            Texts([key for key, _, _ in answers]),
            Ints([one.status for _, one, _ in answers]),
            Blobs([msgspec.json.encode(one.headers) for _, one, _ in answers]),
            Blobs([one.body for _, one, _ in answers]),
            Texts([one.run_id for _, one, _ in answers]),
            Ints([at_us for _, _, at_us in answers]),
        ]
        taken = AnswerTaken("another call under this key has been answered meanwhile")
        yield Batch(INSERT_ANSWERS, values, len(answers), taken)
        # Two leave for each that comes, so the table holds a day's worth and no clean-up is ever large.
        before_us = min(at_us for _, _, at_us in answers) - ANSWERS_KEPT_US
        yield Batch(FORGET_ANSWERS, [before_us, 2 * len(answers)])
    cursors: dict[str, int] = {}
    for unit in units:
        if unit.cursor:
            cursors[unit.cursor[0]] = max(unit.cursor[1], cursors.get(unit.cursor[0], 0))
    if cursors:
        ids = sorted(cursors)
        yield Batch(MOVE_CURSORS, [Texts(ids), Ints([cursors[id] for id in ids])])
    if redriven := sorted(unit.redriven for unit in units if unit.redriven):
        gone = Fenced("this dead letter has been redriven before")
        yield Batch(TAKE_DEAD_LETTERS, [Texts(redriven)], len(redriven), gone)
    if dead := sorted(
        (tables.dead_letter_values(unit.dead) for unit in units if unit.dead),
        key=lambda values: values[0],
    ):
        columns = [kind(column) for kind, column in zip(_DEAD_KINDS, zip(*dead, strict=True), strict=True)]  # fmt: skip
        yield Batch(INSERT_DEAD_LETTERS, columns)
    if commands := sorted({id for unit in units for id in unit.done_commands}):
        yield Batch(DONE_COMMANDS, [Ints(commands)])
    if forgets := sorted({unit.forget for unit in units if unit.forget}):
        streams, seqs = zip(*forgets, strict=True)
        yield Batch(FORGET_RECORDS, [Texts(streams), Ints(seqs)])
        if any(one != stream for one in streams):
            yield Batch(CLOSE_STREAMS, [Texts(streams), Ints(seqs), boot])
