# Phase: expand. Why: the first tables, all empty: machines, which are no tenant's, and grants.
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import hub.common.tenancy
import wistro.protocol.ids
from hub.common.migrations import TenantTable


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("projects", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Clock",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("serial", models.BigIntegerField(default=0)),
            ],
            options={
                "db_table": "fleet_clock",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="there_is_one_clock")
                ],
            },
        ),
        migrations.CreateModel(
            name="Machine",
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
                ("kind", models.CharField(max_length=10)),
                ("name", models.CharField(max_length=100)),
                ("token_sha256", models.BinaryField(max_length=32)),
                ("platform", models.CharField(max_length=40)),
                ("sandbox", models.JSONField(default=dict)),
                (
                    "registered_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "seen_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("serial", models.BigIntegerField(default=0)),
                ("serial_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "machines",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("kind", "name"), name="machines_have_one_name_a_kind"
                    ),
                    models.UniqueConstraint(
                        fields=("token_sha256",), name="machine_tokens_are_unique"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ("agent", "builder", "gateway"))),
                        name="machine_kinds_are_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Grant",
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
                ("fence", models.PositiveBigIntegerField(default=1)),
                (
                    "granted_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "environment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="grant",
                        to="projects.environment",
                    ),
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
                (
                    "machine",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="fleet.machine",
                    ),
                ),
            ],
            options={
                "db_table": "grants",
            },
        ),
        TenantTable("grant"),
        migrations.RunSQL(
            "INSERT INTO fleet_clock (id, serial) VALUES (1, 0)", "DELETE FROM fleet_clock"
        ),
    ]
