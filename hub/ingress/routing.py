"""The table that gateways route by (wistro/protocol/routing.py): every environment with deployments, of every tenant.

An environment's part changes only with its `Traffic.serial`, so each process keeps the parts it has made.
"""

from __future__ import annotations

import base64
from typing import Any
from uuid import UUID

import msgspec
import structlog
from django.db.models import Q

from hub.common import doors
from hub.common.sealing import NotOurs, open_sealed
from hub.common.tenancy import tenant
from hub.deployments.models import Deployment
from hub.deployments.versions import EVENTS_KEY
from hub.ingress.models import EventsKey, Traffic
from hub.ingress.queries import weights_of
from hub.projects.actions import organization
from hub.projects.queries import label_of, variables_at
from wistro.auth import policy
from wistro.protocol import PROTOCOL
from wistro.protocol.routing import Endpoint, RoutedDeployment, RoutedEnvironment, RoutingTable

log = structlog.get_logger()
NOBODY: dict[str, Any] = {"type": "unset"}  # a kind that no gateway knows, so it refuses every call
_made: dict[UUID, tuple[int, RoutedEnvironment]] = {}


def table(serial: int) -> RoutingTable:
    """`serial` was read before: what is in the table may be newer than it says, never older."""
    global _made
    made: dict[UUID, tuple[int, RoutedEnvironment]] = {}
    for organization_id, environment_id, its_serial in doors.rows("routed"):
        known = _made.get(environment_id)
        if known is None or known[0] != its_serial:
            known = (its_serial, _environment(organization_id, environment_id))
        made[environment_id] = known
    _made = made
    return RoutingTable(PROTOCOL, serial, [one for _, one in made.values()])


def _environment(organization_id: UUID, environment_id: UUID) -> RoutedEnvironment:
    with tenant(organization_id):
        traffic = Traffic.objects.select_related("environment__project").get(
            environment=environment_id
        )
        environment = traffic.environment
        weights = weights_of(traffic)
        found = Deployment.objects.filter(environment=environment)
        routed = found.filter(Q(state="healthy") | Q(pk__in=weights)).with_version()
        return RoutedEnvironment(
            environment_id=str(environment.pk),
            host=label_of(environment.name, environment.project.slug, organization().slug),
            generation=traffic.generation,
            key=key_of(traffic),
            deployments=[
                RoutedDeployment(
                    deployment_id=str(one.pk),
                    version=one.version.number,
                    weight=weights.get(one.pk, 0),
                    endpoints=endpoints_of(one),
                )
                for one in routed.order_by("pk")
            ],
        )


def key_of(traffic: Traffic) -> str:
    """What signs and verifies `wistro-route` in this environment, in base64."""
    return base64.b64encode(open_sealed(traffic.sealed_key, bound_to=traffic.bound_to)).decode()


def endpoints_of(deployment: Deployment) -> list[Endpoint]:
    """Its version's endpoints, `auth` resolved with the variables of the deployment's own revision."""
    endpoints = msgspec.convert(deployment.version.endpoints, list[Endpoint])
    if any(one.auth for one in endpoints):
        values = _values(deployment)
        for one in endpoints:
            if one.auth == [{"type": EVENTS_KEY}]:
                one.auth = _senders(deployment)
            else:
                one.auth = [_resolved(each, values) for each in one.auth]
    return endpoints


def _senders(deployment: Deployment) -> list[dict[str, Any]]:
    """Who holds a key of the environment for events from outside; nobody before one is made."""
    found = EventsKey.objects.filter(environment=deployment.environment_id).order_by("pk")
    return policy.senders(found.values_list("sha256", flat=True))


def _values(deployment: Deployment) -> dict[str, str]:
    try:
        found = variables_at(deployment.environment, deployment.revision)
    except NotOurs:
        log.error("routing.variables-unreadable", deployment=str(deployment.pk), exc_info=True)
        return {}
    return {name: value.text for name, value in found.items()}


def _resolved(one: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    try:
        return policy.resolve([one], values)[0]
    except policy.UnsetVariable:
        return NOBODY
