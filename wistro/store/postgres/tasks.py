"""Tasks on PostgreSQL: their tables, what a group writes of them, and what is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from wistro.store.port import Unit
from wistro.store.tasks import COLUMNS, KEPT_US, TaskFilter

TABLES = """
CREATE TABLE tasks (
  task_id text COLLATE "C" PRIMARY KEY, run_id text NOT NULL, deployment_id text NOT NULL, step text NOT NULL,
  delivery_seq bigint NOT NULL, attempt_id text NOT NULL, number bigint NOT NULL, topic text, message bytea NOT NULL,
  parent_attempt_id text, ordinal bigint NOT NULL, assignee text, queued_at_us bigint NOT NULL,
  opened_at_us bigint NOT NULL, expires_at_us bigint, state text NOT NULL, answer text, form bytea,
  answered_by text, how text, ended_at_us bigint
);
CREATE INDEX tasks_open ON tasks (task_id) WHERE state = 'open';
CREATE INDEX tasks_of_a_run ON tasks (run_id) WHERE state = 'open';
CREATE INDEX tasks_ended ON tasks (ended_at_us) WHERE ended_at_us IS NOT NULL;

-- A link is a token that is nowhere: its hash leads to the task.
CREATE TABLE task_links (token_sha256 text PRIMARY KEY, task_id text NOT NULL, made_at_us bigint NOT NULL);
CREATE INDEX task_links_of_a_task ON task_links (task_id);
"""
# How many open tasks a run `r` has.
WAITS = "(SELECT count(*) FROM tasks t WHERE t.run_id = r.run_id AND t.state = 'open')"

Write = tuple[str, Sequence[Any]]
_NAMES = COLUMNS.split(", ")
# Also anew, when a dead one of the same id was redriven: links to it hold.
OPEN = (
    f"INSERT INTO tasks ({COLUMNS}) VALUES ({', '.join(['%s'] * len(_NAMES))}) ON CONFLICT (task_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _NAMES[1:])
)
END = (
    "UPDATE tasks SET state = %s, ended_at_us = %s, answer = %s, form = %s, answered_by = %s, how = %s"
    " WHERE task_id = %s AND state = 'open'"
)
OLD = (
    "DELETE FROM tasks WHERE task_id IN (SELECT task_id FROM tasks WHERE ended_at_us IS NOT NULL AND ended_at_us < %s"
    " ORDER BY ended_at_us LIMIT %s FOR UPDATE SKIP LOCKED)"
)
OLD_LINKS = (
    "DELETE FROM task_links WHERE token_sha256 IN (SELECT l.token_sha256 FROM task_links l WHERE l.made_at_us < %s"
    " AND NOT EXISTS (SELECT FROM tasks t WHERE t.task_id = l.task_id) LIMIT %s FOR UPDATE SKIP LOCKED)"
)
LINK = "INSERT INTO task_links VALUES (%s, %s, %s)"
TASK = f"SELECT {COLUMNS} FROM tasks WHERE task_id = %s"
TASK_LINK = "SELECT token_sha256, task_id, made_at_us FROM task_links WHERE token_sha256 = %s"


def writes(units: list[Unit]) -> Iterable[Write]:
    """Statements with their values, in the order of the tasks' ids: they are rare, and one row each."""
    opened = sorted((one for unit in units for one in unit.tasks), key=lambda one: one.task_id)
    for one in opened:
        yield OPEN, [getattr(one, name) for name in _NAMES]
    ended = sorted((one for unit in units for one in unit.task_ends), key=lambda one: one.task_id)
    for one in ended:
        values = [one.state, one.ended_at_us, one.answer, one.form, one.answered_by, one.how]
        yield END, [*values, one.task_id]
    if ended:  # two leave for each that ends, so no clean-up is ever large
        before_us = min(one.ended_at_us for one in ended) - KEPT_US
        yield OLD, [before_us, 2 * len(ended)]
        yield OLD_LINKS, [before_us, 4 * len(ended)]
    for unit in units:
        for link in unit.task_links:
            yield LINK, [link.token_sha256, link.task_id, link.made_at_us]


def listed(wanted: TaskFilter) -> Write:
    """The statement that lists them, and its values."""
    where, values = ["true"], []
    for column in ("state", "assignee", "step", "run_id"):
        if (value := getattr(wanted, column)) is not None:
            where.append(f"{column} = %s")
            values.append(value)
    if wanted.before is not None:
        where.append("task_id < %s")
        values.append(wanted.before)
    sql = f"SELECT {COLUMNS} FROM tasks WHERE {' AND '.join(where)} ORDER BY task_id DESC LIMIT %s"
    return sql, [*values, wanted.limit]
