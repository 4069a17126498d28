# Phase: expand. Why: a task that waits is told of like an attempt, and again in its place when it ends.
from django.db import migrations

from hub.common.migrations import Grant


class Migration(migrations.Migration):
    dependencies = [("runs", "0001_initial")]
    operations = [
        Grant(
            "attempts",
            "INSERT, SELECT (id, run_id, environment_id, outcome, ended_at_us), UPDATE (outcome, ended_at_us)",
            to="ingest",
        ),
        Grant("payloads", "INSERT, SELECT (id, environment_id), UPDATE (record)", to="ingest"),
    ]
