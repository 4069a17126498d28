# Phase: expand. Why: the first tables, all empty: versions, builds, their lines and blobs, deployments.
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import hub.common.tenancy
import wistro.protocol.ids
from hub.common.migrations import TenantTable


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("projects", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Version",
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
                ("number", models.PositiveIntegerField()),
                ("state", models.CharField(default="queued", max_length=10)),
                ("source", models.CharField(max_length=6)),
                ("upload", models.CharField(blank=True, default="", max_length=64)),
                ("sha", models.CharField(blank=True, default="", max_length=64)),
                ("branch", models.CharField(blank=True, default="", max_length=255)),
                ("message", models.TextField(blank=True, default="")),
                ("author", models.CharField(blank=True, default="", max_length=255)),
                ("committed_at", models.DateTimeField(null=True)),
                ("push", models.CharField(blank=True, default="", max_length=100)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("ready_at", models.DateTimeField(null=True)),
                ("lock", models.TextField(blank=True, default="")),
                ("lock_digest", models.CharField(blank=True, default="", max_length=80)),
                ("bundle", models.CharField(blank=True, default="", max_length=64)),
                ("endpoints", models.JSONField(default=list)),
                ("lock_changes", models.JSONField(default=list)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="versions",
                        to="projects.project",
                    ),
                ),
                (
                    "to",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="projects.environment",
                    ),
                ),
            ],
            options={
                "db_table": "versions",
            },
        ),
        migrations.CreateModel(
            name="Deployment",
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
                ("revision", models.PositiveIntegerField()),
                ("state", models.CharField(default="starting", max_length=10)),
                ("promotes", models.BooleanField(default=False)),
                ("error", models.TextField(blank=True, default="")),
                ("live_runs", models.PositiveIntegerField(default=0)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("healthy_at", models.DateTimeField(null=True)),
                ("idle_since", models.DateTimeField(null=True)),
                ("stopped_at", models.DateTimeField(null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "environment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deployments",
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
                    "succeeds",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="successors",
                        to="deployments.deployment",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="deployments",
                        to="deployments.version",
                    ),
                ),
            ],
            options={
                "db_table": "deployments",
            },
        ),
        migrations.CreateModel(
            name="Build",
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
                ("state", models.CharField(default="queued", max_length=10)),
                ("attempt", models.PositiveIntegerField(default=0)),
                ("machine", models.UUIDField(null=True)),
                ("leased_until", models.DateTimeField(null=True)),
                ("cancel_asked_at", models.DateTimeField(null=True)),
                (
                    "queued_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("fetching_at", models.DateTimeField(null=True)),
                ("installing_at", models.DateTimeField(null=True)),
                ("compiling_at", models.DateTimeField(null=True)),
                ("uploading_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("problems", models.JSONField(default=list)),
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
                    "version",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="build",
                        to="deployments.version",
                    ),
                ),
            ],
            options={
                "db_table": "builds",
            },
        ),
        migrations.CreateModel(
            name="Blob",
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
                ("sha256", models.CharField(max_length=64)),
                ("size", models.PositiveBigIntegerField()),
                (
                    "added_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
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
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="projects.project",
                    ),
                ),
            ],
            options={
                "db_table": "blobs",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("project", "sha256"), name="blobs_are_listed_once_a_project"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="BuildLine",
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
                ("attempt", models.PositiveIntegerField()),
                ("seq", models.PositiveIntegerField()),
                ("at", models.DateTimeField()),
                ("stage", models.CharField(max_length=10)),
                ("text", models.TextField()),
                (
                    "build",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lines",
                        to="deployments.build",
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
            ],
            options={
                "db_table": "build_lines",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("build", "attempt", "seq"), name="build_lines_are_counted_once"
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="version",
            constraint=models.UniqueConstraint(
                fields=("project", "number"), name="version_numbers_are_unique_in_a_project"
            ),
        ),
        migrations.AddConstraint(
            model_name="version",
            constraint=models.UniqueConstraint(
                condition=models.Q(("source", "git")),
                fields=("project", "branch", "sha", "push"),
                name="a_pushed_head_is_one_version",
            ),
        ),
        migrations.AddConstraint(
            model_name="version",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        (
                            "queued",
                            "fetching",
                            "installing",
                            "compiling",
                            "uploading",
                            "ready",
                            "failed",
                            "cancelled",
                            "superseded",
                        ),
                    )
                ),
                name="version_states_are_build_states",
            ),
        ),
        migrations.AddConstraint(
            model_name="version",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "ready"), _negated=True),
                    models.Q(
                        models.Q(("bundle", ""), _negated=True),
                        models.Q(("lock", ""), _negated=True),
                        ("ready_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="ready_versions_have_lock_and_bundle",
            ),
        ),
        migrations.AddIndex(
            model_name="deployment",
            index=models.Index(
                condition=models.Q(("state__in", ["stopped", "failed"]), _negated=True),
                fields=["environment", "id"],
                name="deployments_alive",
            ),
        ),
        migrations.AddConstraint(
            model_name="deployment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ("starting", "healthy", "draining", "stopped", "failed"))
                ),
                name="deployment_states_are_known",
            ),
        ),
        migrations.AddIndex(
            model_name="build",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True)),
                fields=["queued_at", "id"],
                name="builds_still_to_do",
            ),
        ),
        migrations.AddConstraint(
            model_name="build",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        (
                            "queued",
                            "fetching",
                            "installing",
                            "compiling",
                            "uploading",
                            "ready",
                            "failed",
                            "cancelled",
                            "superseded",
                        ),
                    )
                ),
                name="build_states_are_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="build",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("state__in", ("ready", "failed", "cancelled", "superseded")),
                        ("ended_at__isnull", False),
                    ),
                    models.Q(
                        models.Q(
                            ("state__in", ("ready", "failed", "cancelled", "superseded")),
                            _negated=True,
                        ),
                        ("ended_at__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="ended_builds_have_an_end",
            ),
        ),
        TenantTable("version"),
        TenantTable("build"),
        TenantTable("buildline"),
        TenantTable("blob"),
        TenantTable("deployment"),
    ]
