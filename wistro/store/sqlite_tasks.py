"""Tasks in the embedded store."""

from __future__ import annotations

import sqlite3
from typing import Any

from wistro.store.tasks import COLUMNS, KEPT_US, TaskEnd, TaskFilter, TaskLink, TaskRow

TABLES = """
CREATE TABLE IF NOT EXISTS tasks (
  task_id TEXT PRIMARY KEY, run_id TEXT NOT NULL, deployment_id TEXT NOT NULL, step TEXT NOT NULL,
  delivery_seq INTEGER NOT NULL, attempt_id TEXT NOT NULL, number INTEGER NOT NULL, topic TEXT, message BLOB NOT NULL, parent_attempt_id TEXT,
  ordinal INTEGER NOT NULL, assignee TEXT, queued_at_us INTEGER NOT NULL,
  opened_at_us INTEGER NOT NULL, expires_at_us INTEGER, state TEXT NOT NULL, answer TEXT, form BLOB,
  answered_by TEXT, how TEXT, ended_at_us INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tasks_open ON tasks (task_id) WHERE state = 'open';
CREATE INDEX IF NOT EXISTS tasks_of_a_run ON tasks (run_id);
CREATE INDEX IF NOT EXISTS tasks_ended ON tasks (ended_at_us) WHERE ended_at_us IS NOT NULL;

-- A link is a token that is nowhere: its hash leads to the task.
CREATE TABLE IF NOT EXISTS task_links (
  token_sha256 TEXT PRIMARY KEY, task_id TEXT NOT NULL, made_at_us INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS task_links_of_a_task ON task_links (task_id);
"""
# How many open tasks a run of `runs` has.
WAITS = "(SELECT count(*) FROM tasks WHERE tasks.run_id = runs.run_id AND tasks.state = 'open')"


def open_task(db: sqlite3.Connection, one: TaskRow) -> None:
    """Also anew, when a dead one of the same id was redriven: links to it hold."""
    values = [getattr(one, name) for name in COLUMNS.split(", ")]
    marks = ",".join("?" * len(values))
    db.execute(f"INSERT OR REPLACE INTO tasks ({COLUMNS}) VALUES ({marks})", values)


def end_task(db: sqlite3.Connection, one: TaskEnd) -> None:
    db.execute(
        "UPDATE tasks SET state = ?, ended_at_us = ?, answer = ?, form = ?, answered_by = ?, how = ?"
        " WHERE task_id = ? AND state = 'open'",
        (
            one.state,
            one.ended_at_us,
            one.answer,
            one.form,
            one.answered_by,
            one.how,
            one.task_id,
        ),
    )
    # Two leave for each that ends, so no clean-up is ever large.
    old = db.execute(
        "SELECT task_id FROM tasks WHERE ended_at_us IS NOT NULL AND ended_at_us < ? ORDER BY ended_at_us LIMIT 2",
        (one.ended_at_us - KEPT_US,),
    ).fetchall()
    for task in old:
        db.execute("DELETE FROM tasks WHERE task_id = ?", task)
        db.execute("DELETE FROM task_links WHERE task_id = ?", task)


def keep_link(db: sqlite3.Connection, one: TaskLink) -> None:
    db.execute(
        "INSERT INTO task_links VALUES (?,?,?)", (one.token_sha256, one.task_id, one.made_at_us)
    )


def listed(wanted: TaskFilter) -> tuple[str, list[Any]]:
    """The statement that lists them, and its values."""
    where, values = ["1"], []
    for column, value in (
        ("state", wanted.state),
        ("assignee", wanted.assignee),
        ("step", wanted.step),
        ("run_id", wanted.run_id),
    ):
        if value is not None:
            # Written out: the index of the open ones is partial, and a parameter hides that it fits.
            where.append(
                "state = 'open'" if (column, value) == ("state", "open") else f"{column} = ?"
            )
            values += [] if (column, value) == ("state", "open") else [value]
    if wanted.before is not None:
        where.append("task_id < ?")
        values.append(wanted.before)
    sql = f"SELECT {COLUMNS} FROM tasks WHERE {' AND '.join(where)} ORDER BY task_id DESC LIMIT ?"
    return sql, [*values, wanted.limit]
