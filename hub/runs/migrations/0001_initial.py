# Phase: expand. Why: the first tables, all empty. Those partitioned by day are SQL, since Django makes none such.

from datetime import UTC, datetime

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import hub.common.tenancy
import wistro.protocol.ids
from hub.common.migrations import Grant, TenantTable
from hub.runs import partitions

TABLES = """
CREATE TABLE runs (
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  environment_id uuid NOT NULL,
  deployment_id uuid NOT NULL,
  generation bigint NOT NULL,
  stream uuid NOT NULL,
  seq bigint NOT NULL,
  status text NOT NULL,
  trigger text NOT NULL,
  trigger_id text NOT NULL,
  method text,
  path text,
  flows text[] NOT NULL,
  trace_id text NOT NULL,
  started_at_us bigint NOT NULL,
  ended_at_us bigint,
  taken_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT runs_are_unique_in_an_environment PRIMARY KEY (id, environment_id)
) PARTITION BY RANGE (id);
CREATE INDEX runs_newest ON runs (environment_id, id);
CREATE INDEX runs_by_status ON runs (environment_id, status, id) WHERE status <> 'done';
CREATE INDEX runs_by_deployment ON runs (environment_id, deployment_id, id);

CREATE TABLE attempts (
  id uuid NOT NULL,
  run_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  environment_id uuid NOT NULL,
  deployment_id uuid NOT NULL,
  delivery_id uuid NOT NULL,
  parent_id uuid,
  step text NOT NULL,
  number integer NOT NULL,
  outcome text NOT NULL,
  topic text,
  ordinal integer NOT NULL,
  queued_at_us bigint NOT NULL,
  started_at_us bigint NOT NULL,
  ended_at_us bigint NOT NULL,
  taken_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT attempts_are_unique_in_a_run PRIMARY KEY (run_id, id, environment_id)
) PARTITION BY RANGE (run_id);
CREATE INDEX attempts_by_step ON attempts (environment_id, step, run_id);

CREATE TABLE payloads (
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  environment_id uuid NOT NULL,
  record text NOT NULL,
  taken_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT attempts_have_one_payload PRIMARY KEY (id, environment_id)
) PARTITION BY RANGE (id);

CREATE TABLE lines (
  organization_id uuid NOT NULL,
  environment_id uuid NOT NULL,
  stream uuid NOT NULL,
  seq bigint NOT NULL,
  at_us bigint NOT NULL,
  level text NOT NULL,
  source text NOT NULL,
  step text,
  run_id uuid,
  attempt_id uuid,
  deployment_id uuid,
  message text NOT NULL,
  fields text NOT NULL,
  taken_at timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (taken_at);
-- Not unique: the stream's cursor row is what takes each line in once.
CREATE INDEX lines_in_order ON lines (environment_id, stream, seq);
CREATE INDEX lines_in_time ON lines (environment_id, at_us, stream, seq);
CREATE INDEX lines_of_a_run ON lines (environment_id, run_id, at_us, stream, seq) WHERE run_id IS NOT NULL;
CREATE INDEX lines_that_warn ON lines (environment_id, level, at_us, stream, seq) WHERE level IN ('warn', 'error');
"""


def make_partitions(apps, schema_editor):
    """The rest of each table, and enough days for the first tick of the task that makes them ahead."""
    today = datetime.now(UTC).date()
    with schema_editor.connection.cursor() as cursor:
        for table in partitions.TABLES:
            partitions.make_rest(cursor, table)
            for ahead in range(3):
                partitions.make(cursor, table, today + ahead * partitions.DAY)


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Attempt",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=wistro.protocol.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("run_id", models.UUIDField()),
                ("environment_id", models.UUIDField()),
                ("deployment_id", models.UUIDField()),
                ("delivery_id", models.UUIDField()),
                ("parent_id", models.UUIDField(null=True)),
                ("step", models.TextField()),
                ("number", models.IntegerField()),
                ("outcome", models.TextField()),
                ("topic", models.TextField(null=True)),
                ("ordinal", models.IntegerField()),
                ("queued_at_us", models.BigIntegerField()),
                ("started_at_us", models.BigIntegerField()),
                ("ended_at_us", models.BigIntegerField()),
                (
                    "taken_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
            ],
            options={
                "db_table": "attempts",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Line",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "environment_id",
                        "stream",
                        "seq",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("environment_id", models.UUIDField()),
                ("stream", models.UUIDField()),
                ("seq", models.BigIntegerField()),
                ("at_us", models.BigIntegerField()),
                ("level", models.TextField()),
                ("source", models.TextField()),
                ("step", models.TextField(null=True)),
                ("run_id", models.UUIDField(null=True)),
                ("attempt_id", models.UUIDField(null=True)),
                ("deployment_id", models.UUIDField(null=True)),
                ("message", models.TextField()),
                ("fields", models.TextField()),
                (
                    "taken_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
            ],
            options={
                "db_table": "lines",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Payload",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=wistro.protocol.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("environment_id", models.UUIDField()),
                ("record", models.TextField()),
                (
                    "taken_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
            ],
            options={
                "db_table": "payloads",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Run",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=wistro.protocol.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("environment_id", models.UUIDField()),
                ("deployment_id", models.UUIDField()),
                ("generation", models.BigIntegerField()),
                ("stream", models.UUIDField()),
                ("seq", models.BigIntegerField()),
                ("status", models.TextField()),
                ("trigger", models.TextField()),
                ("trigger_id", models.TextField()),
                ("method", models.TextField(null=True)),
                ("path", models.TextField(null=True)),
                (
                    "flows",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), size=None
                    ),
                ),
                ("trace_id", models.TextField()),
                ("started_at_us", models.BigIntegerField()),
                ("ended_at_us", models.BigIntegerField(null=True)),
                (
                    "taken_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
            ],
            options={
                "db_table": "runs",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Draw",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=wistro.protocol.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("environment_id", models.UUIDField()),
                ("generation", models.BigIntegerField()),
                ("deployment_id", models.UUIDField()),
                ("calls", models.BigIntegerField()),
                (
                    "organization",
                    models.ForeignKey(
                        default=hub.common.tenancy.current_organization_id,
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
            ],
            options={
                "db_table": "draws",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("environment_id", "generation", "deployment_id"),
                        name="draws_are_counted_once_a_generation",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Gap",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=wistro.protocol.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("environment_id", models.UUIDField()),
                ("stream", models.UUIDField()),
                ("first", models.BigIntegerField()),
                ("last", models.BigIntegerField()),
                (
                    "taken_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        default=hub.common.tenancy.current_organization_id,
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
            ],
            options={
                "db_table": "gaps",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("environment_id", "stream", "first"), name="gaps_begin_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("first__lte", models.F("last"))),
                        name="gaps_are_not_empty",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Stream",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=wistro.protocol.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("environment_id", models.UUIDField()),
                ("stream", models.UUIDField()),
                ("number", models.BigIntegerField()),
                ("last_seq", models.BigIntegerField(default=0)),
                ("closed", models.BooleanField(default=False)),
                (
                    "taken_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        default=hub.common.tenancy.current_organization_id,
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
            ],
            options={
                "db_table": "streams",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("environment_id", "stream"),
                        name="streams_have_one_cursor_an_environment",
                    ),
                    models.UniqueConstraint(
                        fields=("environment_id", "number"),
                        name="streams_are_numbered_in_an_environment",
                    ),
                ],
            },
        ),
        migrations.RunSQL(TABLES, "DROP TABLE runs, attempts, payloads, lines"),
        TenantTable("run", constrained=False),
        TenantTable("attempt", constrained=False),
        TenantTable("payload", constrained=False),
        TenantTable("line", constrained=False),
        TenantTable("stream"),
        TenantTable("gap"),
        TenantTable("draw"),
        Grant("runs", "SELECT, INSERT, UPDATE", to="ingest"),
        Grant("attempts", "INSERT", to="ingest"),
        Grant("payloads", "INSERT", to="ingest"),
        Grant("lines", "INSERT", to="ingest"),
        Grant("streams", "SELECT, INSERT, UPDATE", to="ingest"),
        Grant("gaps", "SELECT, INSERT, DELETE", to="ingest"),
        Grant("draws", "SELECT, INSERT, UPDATE", to="ingest"),
        migrations.RunPython(make_partitions, migrations.RunPython.noop),
    ]
