"""The embedded store's tables and its statements. Hot paths touch live rows only, by rowid or by a partial index."""

from __future__ import annotations

from typing import Any

from wistro.store.port import DeadLetter, DeliveryRow, Gate, RunRow

SCHEMA = 2

TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS streams (
  stream TEXT PRIMARY KEY, boot INTEGER NOT NULL, last_seq INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- Live runs only: a row leaves with its last open delivery.
CREATE TABLE IF NOT EXISTS runs (
  run_seq INTEGER PRIMARY KEY, run_id TEXT NOT NULL, deployment_id TEXT NOT NULL,
  header BLOB NOT NULL, open INTEGER NOT NULL, mark TEXT NOT NULL DEFAULT ''
);

-- `claimed` is the boot that holds the row in memory, 0 for nobody, -1 for one parked at a gate. Only rows that wait in the table are
-- indexed: what is emitted and handled at once, which is most, never touches the index.
CREATE TABLE IF NOT EXISTS deliveries (
  seq INTEGER PRIMARY KEY, delivery_id TEXT NOT NULL, run_seq INTEGER NOT NULL, deployment_id TEXT NOT NULL,
  step TEXT NOT NULL, kind TEXT NOT NULL, topic TEXT, message BLOB NOT NULL, due_at_us INTEGER NOT NULL,
  number INTEGER NOT NULL, charged INTEGER NOT NULL, lone_deaths INTEGER NOT NULL, suspect INTEGER NOT NULL,
  parent_attempt_id TEXT, ordinal INTEGER NOT NULL, claimed INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS deliveries_waiting
  ON deliveries (deployment_id, step, due_at_us, seq) WHERE claimed = 0;
CREATE INDEX IF NOT EXISTS deliveries_parked ON deliveries (deployment_id) WHERE claimed = -1;

CREATE TABLE IF NOT EXISTS state (
  "group" TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY ("group", key)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS answers (
  key TEXT PRIMARY KEY, status INTEGER NOT NULL, headers BLOB NOT NULL, body BLOB NOT NULL,
  run_id TEXT NOT NULL, expires_at_us INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answers_expiring ON answers (expires_at_us);

-- The key is the promise that a schedule fires once for an instant: written with the tick's event.
CREATE TABLE IF NOT EXISTS ticks (
  schedule_id TEXT NOT NULL, scheduled_at_us INTEGER NOT NULL,
  CONSTRAINT ticks_fire_once PRIMARY KEY (schedule_id, scheduled_at_us)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cursors (schedule_id TEXT PRIMARY KEY, settled_until_us INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS dead_letters (
  delivery_id TEXT PRIMARY KEY, run_id TEXT NOT NULL, deployment_id TEXT NOT NULL, step TEXT NOT NULL,
  kind TEXT NOT NULL, topic TEXT, message BLOB NOT NULL, error BLOB NOT NULL, stderr TEXT NOT NULL,
  attempts INTEGER NOT NULL, dead_at_us INTEGER NOT NULL, header BLOB NOT NULL,
  parent_attempt_id TEXT, ordinal INTEGER NOT NULL,
  lane TEXT, slot TEXT, meter TEXT, blocks INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- Ids of emits, and the places of those that left at once: what is known is not emitted again.
CREATE TABLE IF NOT EXISTS emitted_ids (key TEXT PRIMARY KEY, expires_at_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS emitted_ids_expiring ON emitted_ids (expires_at_us);

-- Records that left the live tables and are not known to be kept elsewhere yet; a row is one transaction's.
CREATE TABLE IF NOT EXISTS outbox (
  stream TEXT NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, lines BLOB NOT NULL,
  PRIMARY KEY (stream, first_seq)
) WITHOUT ROWID;
"""

# Columns that an older release's tables lack.
ADDED = (
    ("dead_letters", "lane", "TEXT"),
    ("dead_letters", "slot", "TEXT"),
    ("dead_letters", "meter", "TEXT"),
    ("dead_letters", "blocks", "INTEGER NOT NULL DEFAULT 0"),
)

DELIVERY = (
    "seq, delivery_id, run_seq, deployment_id, step, kind, topic, message, due_at_us,"
    " number, charged, lone_deaths, suspect, parent_attempt_id, ordinal, claimed"
)
RUN = "run_seq, run_id, deployment_id, header, open, mark"
DEAD_LETTER = (
    "delivery_id, run_id, deployment_id, step, kind, topic, message, error, stderr,"
    " attempts, dead_at_us, header, parent_attempt_id, ordinal,"
    " lane, slot, meter, blocks"
)

INSERT_RUN = f"INSERT INTO runs ({RUN}) VALUES (?,?,?,?,?,?)"
CHANGE_RUN = "UPDATE runs SET open = open + ?2, mark = CASE ?3 WHEN '' THEN mark ELSE ?3 END WHERE run_seq = ?1"
END_RUN = "DELETE FROM runs WHERE run_seq = ?"
END_UNCHANGED_RUN = "DELETE FROM runs WHERE run_seq = ? AND open = ?"
INSERT_DELIVERY = f"INSERT INTO deliveries ({DELIVERY}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
FINISH_DELIVERY = "DELETE FROM deliveries WHERE seq = ? AND number = ?"
RETRY_DELIVERY = (
    "UPDATE deliveries SET number = ?3, charged = ?4, lone_deaths = ?5, suspect = ?6, due_at_us = ?7, claimed = ?8"
    " WHERE seq = ?1 AND number = ?2"
)
CLAIM = (
    "UPDATE deliveries SET claimed = ?1 WHERE seq IN (SELECT seq FROM deliveries WHERE claimed = 0"
    " AND deployment_id = ?2 AND step = ?3 AND due_at_us <= ?4 ORDER BY due_at_us, seq LIMIT ?5)"
    f" RETURNING {DELIVERY}"
)
NEXT_DUE = (
    "SELECT due_at_us FROM deliveries WHERE claimed = 0 AND deployment_id = ? AND step = ?"
    " ORDER BY due_at_us, seq LIMIT 1"
)
# A loose index scan: one seek a step, however many deliveries wait.
WAITING_STEPS = """
WITH RECURSIVE waiting (step) AS (
  SELECT min(step) FROM deliveries WHERE claimed = 0 AND deployment_id = ?1
  UNION ALL
  SELECT (SELECT min(step) FROM deliveries WHERE claimed = 0 AND deployment_id = ?1 AND step > waiting.step)
  FROM waiting WHERE waiting.step IS NOT NULL
) SELECT step FROM waiting WHERE step IS NOT NULL
"""
SET_STATE = (
    'INSERT INTO state ("group", key, value) VALUES (?,?,?)'
    ' ON CONFLICT ("group", key) DO UPDATE SET value = excluded.value'
)
INSERT_ANSWER = (
    "INSERT INTO answers (key, status, headers, body, run_id, expires_at_us) VALUES (?,?,?,?,?,?)"
    " ON CONFLICT (key) DO UPDATE SET status = excluded.status, headers = excluded.headers,"
    " body = excluded.body, run_id = excluded.run_id, expires_at_us = excluded.expires_at_us"
)
MOVE_CURSOR = (
    "INSERT INTO cursors (schedule_id, settled_until_us) VALUES (?,?) ON CONFLICT (schedule_id)"
    " DO UPDATE SET settled_until_us = max(settled_until_us, excluded.settled_until_us)"
)
INSERT_DEAD_LETTER = (
    f"INSERT INTO dead_letters ({DEAD_LETTER}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
    " ON CONFLICT (delivery_id) DO NOTHING"
)


def run_values(run: RunRow) -> tuple[Any, ...]:
    return (run.seq, run.run_id, run.deployment_id, run.header, run.open, run.mark)


def delivery_values(one: DeliveryRow, boot: int) -> tuple[Any, ...]:
    return (
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
        one.suspect,
        one.parent_attempt_id,
        one.ordinal,
        boot if one.claimed else 0,
    )


def retry_values(number: int, one: DeliveryRow, boot: int) -> tuple[Any, ...]:
    claimed = boot if one.claimed else 0
    return (
        one.seq,
        number,
        one.number,
        one.charged,
        one.lone_deaths,
        one.suspect,
        one.due_at_us,
        claimed,
    )


def dead_letter(row: tuple[Any, ...]) -> DeadLetter:
    *values, lane, slot, meter, blocks = row
    gate = Gate(lane, slot, meter)
    return DeadLetter(*values, gate=None if gate == Gate() else gate, blocks=bool(blocks))


def dead_letter_values(dead: DeadLetter) -> tuple[Any, ...]:
    gate = dead.gate or Gate()
    return (
        dead.delivery_id,
        dead.run_id,
        dead.deployment_id,
        dead.step,
        dead.kind,
        dead.topic,
        dead.message,
        dead.error,
        dead.stderr,
        dead.attempts,
        dead.dead_at_us,
        dead.header,
        dead.parent_attempt_id,
        dead.ordinal,
        gate.lane,
        gate.slot,
        gate.meter,
        dead.blocks,
    )
