"""Records of runs as rows. What a batch writes and how pages are read is hub/runs/store's.

Runs, attempts, payloads and lines are partitioned by day (hub/runs/partitions.py), made by SQL in the migration and
without foreign keys: a batch never waits for another table, and what is left of a removed project goes with its day.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from hub.common.tenancy import TenantModel

OPEN = ("running", "waiting")


class Run(TenantModel):
    """All that followed one trigger, as its newest record says. `stream` and `seq` are that record's.

    Partitioned by the time in its id.
    """

    environment_id = models.UUIDField()
    deployment_id = models.UUIDField()
    generation = models.BigIntegerField()
    stream = models.UUIDField()
    seq = models.BigIntegerField()
    status = (
        models.TextField()
    )  # running | waiting | done | failed | dead | cancelled | interrupted
    trigger = models.TextField()  # api | cron | event
    trigger_id = models.TextField()
    method = models.TextField(null=True)
    path = models.TextField(null=True)
    flows = ArrayField(models.TextField())
    trace_id = models.TextField()
    started_at_us = models.BigIntegerField()
    ended_at_us = models.BigIntegerField(null=True)
    taken_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "runs"
        managed = False


class Attempt(TenantModel):
    """One try of a step at a message; what went in and out is its payload's. Partitioned by the time in its run's id."""

    run_id = models.UUIDField()
    environment_id = models.UUIDField()
    deployment_id = models.UUIDField()
    delivery_id = models.UUIDField()
    parent_id = models.UUIDField(null=True)
    step = models.TextField()
    number = models.IntegerField()
    outcome = models.TextField()
    topic = models.TextField(null=True)
    ordinal = models.IntegerField()
    queued_at_us = models.BigIntegerField()
    started_at_us = models.BigIntegerField()
    ended_at_us = models.BigIntegerField()
    taken_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "attempts"
        managed = False


class Payload(TenantModel):
    """An attempt's whole record, as JSON text: jsonb would refuse the NUL characters that messages may hold.

    Its id is the attempt's. Partitioned by the time in it.
    """

    environment_id = models.UUIDField()
    record = models.TextField()
    taken_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "payloads"
        managed = False


class Line(TenantModel):
    """One log line. Partitioned by when it was taken in, so that an engine with a wrong clock loses none."""

    id = None
    pk = models.CompositePrimaryKey("environment_id", "stream", "seq")

    environment_id = models.UUIDField()
    stream = models.UUIDField()
    seq = models.BigIntegerField()
    at_us = models.BigIntegerField()
    level = models.TextField()
    source = models.TextField()
    step = models.TextField(null=True)
    run_id = models.UUIDField(null=True)
    attempt_id = models.UUIDField(null=True)
    deployment_id = models.UUIDField(null=True)
    message = models.TextField()  # NUL shown as ␀
    fields = models.TextField()  # a JSON object, or nothing
    taken_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "lines"
        managed = False


class Stream(TenantModel):
    """One engine boot, and up to which seq it was taken in: the row that makes intake idempotent.

    `number` counts an environment's streams in the order in which readers may first see them.
    """

    environment_id = models.UUIDField()
    stream = models.UUIDField()
    number = models.BigIntegerField()
    last_seq = models.BigIntegerField(default=0)
    closed = models.BooleanField(default=False)
    taken_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "streams"
        constraints = [
            models.UniqueConstraint(
                fields=["environment_id", "stream"],
                name="streams_have_one_cursor_an_environment",
            ),
            models.UniqueConstraint(
                fields=["environment_id", "number"],
                name="streams_are_numbered_in_an_environment",
            ),
        ]


class Gap(TenantModel):
    """Seqs of a stream, both ends included, that did not come before later ones did."""

    environment_id = models.UUIDField()
    stream = models.UUIDField()
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    taken_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "gaps"
        constraints = [
            models.UniqueConstraint(
                fields=["environment_id", "stream", "first"], name="gaps_begin_once"
            ),
            models.CheckConstraint(
                condition=models.Q(first__lte=models.F("last")), name="gaps_are_not_empty"
            ),
        ]


class Draw(TenantModel):
    """How many calls a deployment was drawn for in a generation: counted at intake, so that reading costs nothing."""

    environment_id = models.UUIDField()
    generation = models.BigIntegerField()
    deployment_id = models.UUIDField()
    calls = models.BigIntegerField()

    class Meta:
        db_table = "draws"
        constraints = [
            models.UniqueConstraint(
                fields=["environment_id", "generation", "deployment_id"],
                name="draws_are_counted_once_a_generation",
            )
        ]
