# Phase: expand. Why: the first tables of sources, all empty: Apps, installations, sources, their refs, webhooks, checks.
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
        ("deployments", "0001_initial"),
        ("projects", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="App",
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
                ("host", models.CharField(max_length=200, unique=True)),
                ("app_id", models.BigIntegerField()),
                ("slug", models.CharField(max_length=100)),
                ("client_id", models.CharField(max_length=100)),
                ("sealed", models.BinaryField()),
                (
                    "made_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "github_apps",
            },
        ),
        migrations.CreateModel(
            name="Check",
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
                ("check_id", models.BigIntegerField(null=True)),
                ("claimed_until", models.DateTimeField(null=True)),
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
                        related_name="check_run",
                        to="deployments.version",
                    ),
                ),
            ],
            options={
                "db_table": "commit_checks",
            },
        ),
        migrations.CreateModel(
            name="ConnectState",
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
                ("sha256", models.BinaryField(unique=True)),
                ("purpose", models.CharField(max_length=7)),
                ("session", models.CharField(max_length=64)),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
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
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "connect_states",
            },
        ),
        migrations.CreateModel(
            name="Installation",
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
                ("host", models.CharField(max_length=200)),
                ("installation_id", models.BigIntegerField()),
                ("account", models.CharField(max_length=100)),
                (
                    "verified_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("suspended_at", models.DateTimeField(null=True)),
                ("gone_at", models.DateTimeField(null=True)),
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
                    "verified_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "installations",
            },
        ),
        migrations.CreateModel(
            name="Report",
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
                (
                    "due_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), null=True
                    ),
                ),
                ("tries", models.PositiveIntegerField(default=0)),
                ("done_at", models.DateTimeField(null=True)),
                ("gave_up_at", models.DateTimeField(null=True)),
                ("last_error", models.TextField(blank=True, default="")),
                ("state", models.CharField(max_length=10)),
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
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="deployments.version",
                    ),
                ),
            ],
            options={
                "db_table": "commit_reports",
            },
        ),
        migrations.CreateModel(
            name="Source",
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
                ("kind", models.CharField(max_length=6)),
                ("repository", models.CharField(blank=True, default="", max_length=500)),
                ("repository_id", models.BigIntegerField(null=True)),
                ("url", models.CharField(blank=True, default="", max_length=2000)),
                ("sealed", models.BinaryField(null=True)),
                ("default_branch", models.CharField(blank=True, default="", max_length=255)),
                ("is_polled", models.BooleanField(default=False)),
                ("problem_code", models.CharField(blank=True, default="", max_length=100)),
                ("problem", models.TextField(blank=True, default="")),
                (
                    "connected_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "read_due_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), null=True
                    ),
                ),
                ("reading", models.PositiveBigIntegerField(default=0)),
                ("read", models.PositiveBigIntegerField(default=0)),
                ("read_at", models.DateTimeField(null=True)),
                (
                    "connected_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "installation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="sources",
                        to="sources.installation",
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
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="source",
                        to="projects.project",
                    ),
                ),
            ],
            options={
                "db_table": "sources",
            },
        ),
        migrations.CreateModel(
            name="Ref",
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
                ("branch", models.CharField(max_length=255)),
                ("head", models.CharField(max_length=64)),
                (
                    "seen_at",
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
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="refs",
                        to="sources.source",
                    ),
                ),
            ],
            options={
                "db_table": "refs",
            },
        ),
        migrations.CreateModel(
            name="Hook",
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
                (
                    "due_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), null=True
                    ),
                ),
                ("tries", models.PositiveIntegerField(default=0)),
                ("done_at", models.DateTimeField(null=True)),
                ("gave_up_at", models.DateTimeField(null=True)),
                ("last_error", models.TextField(blank=True, default="")),
                ("kind", models.CharField(max_length=6)),
                ("delivery", models.CharField(max_length=200)),
                ("event", models.CharField(max_length=100)),
                ("body", models.BinaryField()),
                (
                    "received_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("applied_at", models.DateTimeField(null=True)),
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
                    "source",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="sources.source",
                    ),
                ),
            ],
            options={
                "db_table": "hooks",
            },
        ),
        migrations.CreateModel(
            name="Head",
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
                ("branch", models.CharField(max_length=255)),
                ("sha", models.CharField(max_length=64)),
                ("told", models.PositiveIntegerField(default=0)),
                ("seen", models.PositiveIntegerField(default=0)),
                ("made", models.PositiveIntegerField(default=0)),
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
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="heads",
                        to="sources.source",
                    ),
                ),
            ],
            options={
                "db_table": "heads",
            },
        ),
        migrations.AddIndex(
            model_name="installation",
            index=models.Index(fields=["host", "installation_id"], name="installations_by_host"),
        ),
        migrations.AddConstraint(
            model_name="installation",
            constraint=models.UniqueConstraint(
                fields=("organization", "host", "installation_id"),
                name="installations_are_listed_once_an_organization",
            ),
        ),
        migrations.AddIndex(
            model_name="report",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False)),
                fields=["due_at", "id"],
                name="commit_reports_due",
            ),
        ),
        migrations.AddIndex(
            model_name="source",
            index=models.Index(
                condition=models.Q(("read_due_at__isnull", False)),
                fields=["read_due_at", "id"],
                name="sources_due",
            ),
        ),
        migrations.AddIndex(
            model_name="source",
            index=models.Index(fields=["repository_id"], name="sources_by_repository"),
        ),
        migrations.AddConstraint(
            model_name="source",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "github"), ("sealed", None), ("url", "")),
                    models.Q(
                        ("installation", None),
                        ("kind", "git"),
                        ("sealed__isnull", False),
                        models.Q(("url", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="sources_are_of_github_or_any_git",
            ),
        ),
        migrations.AddConstraint(
            model_name="ref",
            constraint=models.UniqueConstraint(
                fields=("source", "branch"), name="refs_are_one_a_branch"
            ),
        ),
        migrations.AddIndex(
            model_name="hook",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False)),
                fields=["due_at", "id"],
                name="hooks_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="hook",
            constraint=models.UniqueConstraint(
                fields=("organization", "kind", "delivery"), name="deliveries_are_taken_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="head",
            constraint=models.UniqueConstraint(
                fields=("source", "branch", "sha"), name="heads_are_counted_in_one_row"
            ),
        ),
        TenantTable("installation"),
        TenantTable("source"),
        TenantTable("ref"),
        TenantTable("head"),
        TenantTable("connectstate"),
        TenantTable("hook"),
        TenantTable("check"),
        TenantTable("report"),
    ]
