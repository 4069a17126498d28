"""Reading traffic: weights now and before, who serves, which gateways have applied it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F, Prefetch, Q

from hub.deployments.models import Deployment
from hub.deployments.shapes import state_of
from hub.fleet.actions import alive
from hub.fleet.models import Machine
from hub.ingress.models import Traffic, TrafficChange, Weight
from hub.projects.models import Environment
from wistro.lock.model import EVENTS

SHOWN_DEPLOYMENTS = 100
SHOWN_CHANGES = 50


def traffic_of(environment: Environment) -> Traffic:
    """The environment's, or an unsaved one without a key where nothing was ever deployed."""
    found = Traffic.objects.filter(environment=environment).first()
    return found or Traffic(environment=environment)


def weights_of(traffic: Traffic) -> dict[UUID, int]:
    """Basis points by deployment, in the newest generation."""
    change = Q(
        change__environment=traffic.environment_id,
        change__generation=traffic.generation,
    )
    found = Weight.objects.filter(change).order_by("deployment")
    return dict(found.values_list("deployment", "basis_points"))


def outside_topics(environment: Environment) -> list[str]:
    """Topics that events from outside may arrive on, in the versions that are there."""
    found = Deployment.objects.filter(environment=environment, state__in=("healthy", "draining"))
    endpoints = found.values_list("version__endpoints", flat=True)
    paths = {one["path"] for each in endpoints for one in each or ()}
    return sorted(path.removeprefix(EVENTS) for path in paths if path.startswith(EVENTS))


def weights_among(deployments: Sequence[UUID]) -> dict[UUID, int]:
    """Basis points of those of these deployments that have any now."""
    found = Weight.objects.filter(
        deployment__in=deployments, change__generation=F("change__environment__traffic__generation")
    )
    return dict(found.values_list("deployment", "basis_points"))


def shown_deployments(traffic: Traffic) -> list[tuple[Deployment, int]]:
    """What there is to choose from and to look at, newest first, each with its weight."""
    weights = weights_of(traffic)
    found = Deployment.objects.filter(environment=traffic.environment_id)
    wanted = found.filter(~Q(state="stopped") | Q(pk__in=weights)).with_version()
    newest = wanted.order_by("-pk")[:SHOWN_DEPLOYMENTS]
    return [(one, weights.get(one.pk, 0)) for one in newest]


def history(traffic: Traffic) -> list[TrafficChange]:
    """The last generations, newest first, each with its weights and their versions."""
    found = TrafficChange.objects.filter(environment=traffic.environment_id)
    deployments = Prefetch("weights__deployment", Deployment.objects.with_version())
    shown = found.select_related("by").prefetch_related(deployments)
    return list(shown.order_by("-generation")[:SHOWN_CHANGES])


@dataclass(frozen=True)
class Applied:
    """How many of the gateways that are alive route by the newest weights; `after_s`, once all do."""

    applied: int
    total: int
    after_s: float | None


def applied(change: TrafficChange | None) -> Applied:
    serials = gateway_serials()
    if change is None:
        return Applied(len(serials), len(serials), None)
    done = sum(serial >= change.serial for serial in serials)
    after_s = (change.applied_at - change.at).total_seconds() if change.applied_at else None
    return Applied(done, len(serials), after_s)


def gateway_serials() -> list[int]:
    """The serial that each gateway alive has applied. One that is silent for 6 s is not waited for."""
    return list(Machine.objects.filter(alive("gateway")).values_list("serial", flat=True))


def serving(environments: Sequence[Environment]) -> dict[UUID, Mapping[str, Any]]:
    """What the project page shows of each environment: its versions that serve, start or drain."""
    traffics = {one.environment_id: one for one in Traffic.objects.filter(environment__in=environments)}  # fmt: skip
    found = Deployment.objects.filter(
        environment__in=environments, state__in=("starting", "healthy", "draining")
    )
    deployments = list(found.with_version().order_by("-pk"))
    weights = weights_among([one.pk for one in deployments])
    by_environment = defaultdict(list)
    for one in deployments:
        by_environment[one.environment_id].append((one, weights.get(one.pk, 0)))
    return {
        pk: {
            "serving": _by_version(by_environment[pk]),
            "holds": traffic.holds,
            "generation": traffic.generation,
        }
        for pk, traffic in traffics.items()
    }


def _by_version(deployments: Sequence[tuple[Deployment, int]]) -> list[dict[str, Any]]:
    """One line a version: its weights together, the state of the one that has most, or is newest."""
    lines: dict[int, list[tuple[Deployment, int]]] = defaultdict(list)
    for one, weight in deployments:
        if weight or state_of(one, weight) in ("starting", "draining"):
            lines[one.version.number].append((one, weight))
    shown = []
    for version, ones in lines.items():
        first = max(ones, key=lambda each: (each[1], each[0].pk))
        weight = sum(each for _, each in ones)
        shown.append({"version": version, "weight": weight, "state": state_of(*first)})
    return sorted(shown, key=lambda line: (-line["weight"], -line["version"]))
