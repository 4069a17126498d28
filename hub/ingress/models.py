"""Which deployment gets how much of an environment's traffic: one row a change, each with its generation."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from hub.accounts.models import User
from hub.common.tenancy import TenantModel
from hub.deployments.models import Deployment
from hub.projects.models import Environment

WHOLE = 10_000  # basis points


class Traffic(TenantModel):
    """An environment's routing: its current generation, whether it holds, and the key of its `wistro-route`s.

    `serial` is the table's when this environment last changed: a gateway at that serial or later has applied it.
    """

    environment = models.OneToOneField(Environment, models.CASCADE, related_name="traffic")
    generation = models.PositiveIntegerField(default=0)
    holds = models.BooleanField(default=False)
    serial = models.BigIntegerField(default=0)
    sealed_key = models.BinaryField()
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "traffics"

    @property
    def bound_to(self) -> str:
        return f"{self.organization_id}|{self.environment_id}|route-key"


class EventsKey(TenantModel):
    """Who may send events from outside to an environment. Told once, when it is made; its digest is kept."""

    environment = models.ForeignKey(Environment, models.CASCADE, related_name="events_keys")
    sha256 = models.CharField(max_length=64)
    start = models.CharField(max_length=12)  # its first letters, to tell it from others
    made_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "events_keys"


class TrafficChange(TenantModel):
    """One generation: who set which weights, when and why. Never changed afterwards."""

    environment = models.ForeignKey(Environment, models.CASCADE, related_name="traffic_changes")
    generation = models.PositiveIntegerField()
    serial = models.BigIntegerField()
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    why = models.CharField(max_length=20)  # set | promoted | succeeded | released | removed
    note = models.CharField(max_length=500, blank=True, default="")
    at = models.DateTimeField(db_default=Now(), editable=False)
    applied_at = models.DateTimeField(null=True)  # when the last gateway of then acknowledged it

    class Meta:
        db_table = "traffic_changes"
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "generation"],
                name="generations_are_unique_in_an_environment",
            )
        ]
        indexes = [
            models.Index(
                fields=["serial", "id"],
                condition=Q(applied_at__isnull=True),
                name="traffic_changes_to_apply",
            )
        ]


class Weight(TenantModel):
    """One deployment's part of one generation; those of a generation add up to 10,000 (checked in `actions`)."""

    change = models.ForeignKey(TrafficChange, models.CASCADE, related_name="weights")
    deployment = models.ForeignKey(Deployment, models.RESTRICT, related_name="+")
    basis_points = models.PositiveIntegerField()

    class Meta:
        db_table = "weights"
        constraints = [
            models.UniqueConstraint(
                fields=["change", "deployment"], name="deployments_are_weighed_once_a_generation"
            ),
            models.CheckConstraint(
                condition=Q(basis_points__lte=WHOLE), name="weights_are_at_most_10000"
            ),
        ]
