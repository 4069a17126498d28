"""Datasets and their samples. A sample is a copy: it stays when its run and its version are gone."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from hub.accounts.models import User
from hub.common.tenancy import TenantModel
from hub.projects.models import Project

NAME_LONGEST = 60
NAME = r"^[A-Za-z0-9][A-Za-z0-9._ -]*$"  # `wistro datasets pull` makes a folder of it


class Dataset(TenantModel):
    project = models.ForeignKey(Project, models.CASCADE, related_name="datasets")
    name = models.CharField(max_length=NAME_LONGEST)
    description = models.CharField(max_length=200, blank=True, default="")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "datasets"
        constraints = [
            models.UniqueConstraint(
                fields=["project", "name"], name="dataset_names_are_unique_in_a_project"
            ),
            models.CheckConstraint(
                condition=Q(name__regex=NAME), name="dataset_names_fit_a_folder"
            ),
        ]


class Sample(TenantModel):
    """A finished run, whole enough to replay (wistro/protocol/samples.py).

    `attempts` is the JSON of its AttemptRecords: text, since jsonb refuses the NUL characters that messages may hold.
    """

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="samples")
    name = models.CharField(max_length=120, blank=True, default="")
    tags = ArrayField(models.CharField(max_length=40), default=list)
    run_id = models.UUIDField()
    environment = models.CharField(max_length=12)  # its name
    version = models.PositiveIntegerField(null=True)
    lock_digest = models.CharField(max_length=80)
    trigger = models.TextField()  # api | cron | event
    trigger_id = models.TextField()
    trigger_label = models.TextField()
    method = models.TextField(null=True)
    path = models.TextField(null=True)
    trace_id = models.TextField(blank=True)
    variables = ArrayField(models.CharField(max_length=100), default=list)  # names only
    attempts = models.TextField()
    input = models.TextField()  # JSON: what came in, for lists
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "samples"
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "run_id"], name="runs_are_sampled_once_a_dataset"
            )
        ]
