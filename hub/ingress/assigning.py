"""What an agent is to run (wistro/protocol/machine.py): its environments, their deployments, variables in the clear."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Now

from hub.common import doors
from hub.common.tenancy import tenant
from hub.deployments.models import Deployment
from hub.fleet.actions import SILENT_AFTER
from hub.ingress.actions import locked_traffic
from hub.ingress.models import Traffic
from hub.ingress.queries import weights_of
from hub.ingress.routing import key_of
from hub.projects.models import Environment
from hub.projects.queries import variables_at
from wistro.protocol import PROTOCOL
from wistro.protocol.machine import AssignedDeployment, Assignment, Assignments

WANTS = {"starting": "serve", "healthy": "serve", "draining": "drain"}
STOP_SAID_FOR = timedelta(minutes=10)  # afterwards an ended deployment is just not there


def assignments(machine_id: UUID, serial: int) -> Assignments:
    """`serial` was read before: what is in them may be newer than it says, never older."""
    return Assignments(
        protocol=PROTOCOL,
        serial=serial,
        lease_s=SILENT_AFTER.total_seconds(),
        assignments=[_assignment(*one) for one in doors.rows("granted_to", machine_id)],
    )


def _assignment(organization_id: UUID, environment_id: UUID, fence: int) -> Assignment:
    with tenant(organization_id):
        environment = Environment.objects.get(pk=environment_id)
        traffic = Traffic.objects.filter(environment=environment).first()
        traffic = traffic or locked_traffic(environment)
        weights = weights_of(traffic)
        ended = Q(stopped_at__gt=Now() - STOP_SAID_FOR)
        found = Deployment.objects.filter(environment=environment)
        shown = found.filter(Q(state__in=WANTS) | ended).with_version("environment")
        return Assignment(
            environment_id=str(environment_id),
            organization_id=str(organization_id),
            fence=fence,
            key=key_of(traffic),
            deployments=[_deployment(one, weights.get(one.pk, 0)) for one in shown.order_by("pk")],
            primary=primary_of(weights),
        )


def primary_of(weights: Mapping[UUID, int]) -> str | None:
    """Where cron fires: the greatest weight, then the newest."""
    return str(max(weights, key=lambda pk: (weights[pk], pk))) if weights else None


def _deployment(one: Deployment, weight: int) -> AssignedDeployment:
    want = WANTS.get(one.state, "stop")
    values = {} if want == "stop" else variables_at(one.environment, one.revision)
    return AssignedDeployment(
        deployment_id=str(one.pk),
        version_id=str(one.version_id),
        version=one.version.number,
        weight=weight,
        want=want,
        bundle=one.version.bundle,
        variables={name: value.text for name, value in values.items()},
        secrets=[name for name, value in values.items() if value.secret],
        revision=one.revision,
    )
