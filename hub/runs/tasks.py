"""What beat does for records, as the owner of the tables: days are made ahead, and dropped when they are over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import structlog
from celery import shared_task
from django.db import OperationalError, connections, transaction

from hub.common.schedule import every
from hub.runs import partitions
from hub.runs.partitions import AHEAD_DAYS, DAY, TABLES

log = structlog.get_logger()
STREAMS_KEPT_DAYS = 30
LOCK_TIMEOUT = "3s"


@every(seconds=600)
@shared_task(name="hub.runs.tasks.keep_partitions")
def keep_partitions() -> None:
    turn_over(datetime.now(UTC).date())


def turn_over(today: date) -> None:
    """Each change in its own short transaction: one that waits for a lock gives up and is made at the next tick."""
    for table in TABLES:
        for ahead in range(AHEAD_DAYS + 1):
            day = today + ahead * DAY
            _try(lambda cursor, of=table, day=day: partitions.make(cursor, of, day))
        with connections["owner"].cursor() as cursor:
            over = [
                d for d in partitions.days(cursor, table) if partitions.is_over(table, d, today)
            ]
        for day in over:
            _try(lambda cursor, of=table, day=day: partitions.drop(cursor, of, day))
        _try(lambda cursor, of=table: partitions.empty_rest(cursor, of))
    _try(forget_streams)


def forget_streams(cursor: Any) -> None:
    """Cursors of streams that nothing came from for longer than anything of them is kept, and gaps like lines."""
    cursor.execute(
        "DELETE FROM streams WHERE taken_at < now() - make_interval(days => %s)",
        [STREAMS_KEPT_DAYS],
    )
    kept = next(one.kept_days for one in TABLES if one.table == "lines")
    cursor.execute("DELETE FROM gaps WHERE taken_at < now() - make_interval(days => %s)", [kept])


def _try(change: Callable[[Any], Any]) -> None:
    try:
        with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            change(cursor)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) != "55P03":  # lock_not_available
            raise
        log.warning("records.partition-waits", why=str(error))
