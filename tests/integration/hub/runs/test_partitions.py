"""Days of records: made ahead, filled from what came before they were there, dropped when they are over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import psycopg
import pytest
from django.db import connection, connections

from hub.common.schedule import SCHEDULE
from hub.common.tenancy import tenant
from hub.runs import partitions, tasks
from hub.runs.models import Attempt, Gap, Line, Payload, Run, Stream
from hub.runs.partitions import DAY, TABLES
from hub.runs.store import records
from tests.factories.runs import Boot, a_sender
from tests.integration.hub import place
from wistro.protocol.ids import uuid7
from wistro.protocol.records import RecordsBatch

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "ingest", "owner"])
TODAY = datetime.now(UTC).date()


@pytest.fixture
def owner() -> Iterator[Any]:
    """The owner's cursor; the days that a test makes are dropped after it."""
    with connections["owner"].cursor() as cursor:
        before = {of: set(partitions.days(cursor, of)) for of in TABLES}
        yield cursor
        for of in TABLES:
            for day in set(partitions.days(cursor, of)) - before[of]:
                partitions.drop(cursor, of, day)
            for day in before[of] - set(partitions.days(cursor, of)):
                partitions.make(cursor, of, day)


def id_of(day: date, number: int = 0) -> str:
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return str(uuid7(now_ms=int(at.timestamp() * 1000), random=number.to_bytes(10)))


def send(boot: Boot) -> None:
    batch = msgspec.convert(boot.batch(), RecordsBatch)
    records.take(batch, organization_id=boot.sender.organization_id)


def counts(organization_id: Any) -> dict[str, int]:
    with tenant(organization_id):
        return {model._meta.db_table: model.objects.count() for model in (Run, Attempt, Payload)}


def rest(cursor: Any, table: str) -> int:
    cursor.execute(f"SELECT count(*) FROM {table}_rest")
    return cursor.fetchone()[0]


def test_a_fresh_database_takes_todays_records_into_their_days(owner: Any) -> None:
    sender = a_sender()
    boot = sender.boot()
    run = boot.run(id_of(TODAY))
    boot.attempt(run.run_id, attempt_id=id_of(TODAY, 1))
    boot.line()

    send(boot)

    assert [rest(owner, of.table) for of in TABLES] == [0, 0, 0, 0]


def test_days_are_made_two_weeks_ahead_and_only_once(owner: Any) -> None:
    assert "hub.runs.tasks.keep_partitions" in SCHEDULE

    for _ in range(2):
        tasks.turn_over(TODAY)

    for of in TABLES:
        ahead = [TODAY + n * DAY for n in range(15)]
        assert [day for day in partitions.days(owner, of) if day >= TODAY] == ahead


def test_what_came_before_its_day_was_made_moves_there(owner: Any) -> None:
    sender = a_sender()
    boot = sender.boot()
    early = TODAY + 20 * DAY
    run = boot.run(id_of(early), status="running")
    boot.attempt(run.run_id, attempt_id=id_of(early, 1))
    send(boot)
    assert [rest(owner, table) for table in ("runs", "attempts", "payloads")] == [1, 1, 1]

    tasks.turn_over(early - 14 * DAY)
    boot.run(run.run_id, status="done")
    send(boot)

    assert [rest(owner, table) for table in ("runs", "attempts", "payloads")] == [0, 0, 0]
    assert counts(sender.organization_id) == {"runs": 1, "attempts": 1, "payloads": 1}
    with tenant(sender.organization_id):
        assert Run.objects.get().status == "done"


def test_days_that_are_over_are_dropped_and_no_day_before(owner: Any) -> None:
    for of in TABLES:
        for ago in (6, 7, 8, 29, 30, 31, 32):
            partitions.make(owner, of, TODAY - ago * DAY)

    tasks.turn_over(TODAY)

    kept = {of.table: [(TODAY - day).days for day in partitions.days(owner, of) if day < TODAY] for of in TABLES}  # fmt: skip
    assert kept == {
        "runs": [30, 29, 8, 7, 6],
        "attempts": [30, 29, 8, 7, 6],
        "payloads": [7, 6],
        "lines": [7, 6],
    }


def test_a_run_outlives_its_payloads(owner: Any) -> None:
    sender = a_sender()
    boot = sender.boot()
    old = TODAY - 10 * DAY
    for of in TABLES:
        partitions.make(owner, of, old)
    run = boot.run(id_of(old))
    boot.attempt(run.run_id, attempt_id=id_of(old, 1))
    send(boot)

    tasks.turn_over(TODAY)

    assert counts(sender.organization_id) == {"runs": 1, "attempts": 1, "payloads": 0}
    with tenant(sender.organization_id):
        row = records.run(Run.objects.get().pk, environment_ids=[sender.environment.pk])
        assert row is not None
        (attempt,) = records.attempts(row, limit=10, bytes_most=10_000)
    assert (attempt.record, row.attempts) == (None, 1)


def test_a_late_record_of_a_day_that_is_over_is_kept_as_long_as_others(owner: Any) -> None:
    sender = a_sender()
    boot = sender.boot()
    run = boot.run(id_of(TODAY - 60 * DAY))
    boot.attempt(run.run_id, attempt_id=id_of(TODAY - 60 * DAY, 1))
    send(boot)

    tasks.turn_over(TODAY)
    assert counts(sender.organization_id) == {"runs": 1, "attempts": 1, "payloads": 1}

    for table in ("runs", "attempts", "payloads"):
        owner.execute(f"UPDATE {table}_rest SET taken_at = now() - interval '8 days'")
    tasks.turn_over(TODAY)
    assert counts(sender.organization_id) == {"runs": 1, "attempts": 1, "payloads": 0}


def test_cursors_and_gaps_go_with_what_they_are_about(owner: Any) -> None:
    sender = a_sender()
    boot = sender.boot()
    boot.skip()
    boot.line()
    send(boot)
    owner.execute("UPDATE gaps SET taken_at = now() - interval '8 days'")
    owner.execute("UPDATE streams SET taken_at = now() - interval '29 days'")

    tasks.turn_over(TODAY)

    with tenant(sender.organization_id):
        assert (Gap.objects.count(), Stream.objects.count(), Line.objects.count()) == (0, 1, 1)
    owner.execute("UPDATE streams SET taken_at = now() - interval '31 days'")
    tasks.turn_over(TODAY)
    with tenant(sender.organization_id):
        assert Stream.objects.count() == 0


def test_a_day_that_waits_for_a_lock_is_made_at_the_next_tick(
    owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "LOCK_TIMEOUT", "20ms")
    url = place.ENVIRONMENT["DATABASE_OWNER_URL"]
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE lines_rest IN ACCESS SHARE MODE")
        tasks.turn_over(TODAY + timedelta(days=3))
        during = max(partitions.days(owner, TABLES[3]))
    tasks.turn_over(TODAY + timedelta(days=3))

    assert during < max(partitions.days(owner, TABLES[3])) == TODAY + 17 * DAY


def test_nobody_reads_a_partition_past_its_parents_policy(owner: Any) -> None:
    tasks.turn_over(TODAY)
    owner.execute(
        "SELECT c.relname, r.rolname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "CROSS JOIN pg_roles r WHERE c.relkind = 'r' AND r.rolname IN ('wistro_app', 'wistro_ingest') "
        "AND (has_table_privilege(r.oid, c.oid, 'SELECT') OR has_table_privilege(r.oid, c.oid, 'INSERT') "
        "  OR has_table_privilege(r.oid, c.oid, 'DELETE'))"
    )

    assert owner.fetchall() == []
    with pytest.raises(Exception, match="permission denied"):
        connection.cursor().execute("SELECT * FROM lines_rest")
