"""The fleet's machines, and which of them runs which environment."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from hub.common.tenancy import TenantModel
from hub.projects.models import Environment
from wistro.protocol.ids import new_id

KINDS = ("agent", "builder", "gateway")


class Machine(models.Model):
    """One registered agent, builder or gateway of the shared pool: no tenant's, so the table has no organization.

    A machine that registers again under its name gets a new token; the old one stops working.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=10)
    name = models.CharField(max_length=100)
    token_sha256 = models.BinaryField(max_length=32)
    platform = models.CharField(max_length=40)
    sandbox = models.JSONField(default=dict)  # layer -> on | off | why not
    registered_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())
    serial = models.BigIntegerField(default=0)  # the table or assignments it has applied
    serial_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "machines"
        constraints = [
            models.UniqueConstraint(fields=["kind", "name"], name="machines_have_one_name_a_kind"),
            models.UniqueConstraint(fields=["token_sha256"], name="machine_tokens_are_unique"),
            models.CheckConstraint(condition=Q(kind__in=KINDS), name="machine_kinds_are_known"),
        ]


class Grant(TenantModel):
    """An environment on a machine. `fence` grows with each grant; what comes with a lower one is refused."""

    environment = models.OneToOneField(Environment, models.CASCADE, related_name="grant")
    machine = models.ForeignKey(Machine, models.CASCADE, related_name="+")
    fence = models.PositiveBigIntegerField(default=1)
    granted_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "grants"


class Clock(models.Model):
    """One row: the serial of everything that gateways and agents poll.

    A change takes the next number by updating the row, so changes commit in the order of their numbers and a
    reader that has seen n has seen all up to n. A sequence would not give that.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    serial = models.BigIntegerField(default=0)

    class Meta:
        db_table = "fleet_clock"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="there_is_one_clock")]
