"""How traffic is shown."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rest_framework import serializers

from hub.common.api.ids import PublicId
from hub.deployments.models import Deployment
from hub.deployments.shapes import CommitShape, state_of
from hub.ingress import draws
from hub.ingress.models import Traffic, TrafficChange
from hub.ingress.queries import applied, history, shown_deployments
from hub.projects.actions import organization
from hub.projects.models import Environment
from hub.projects.queries import address_of


class WeighedShape(serializers.Serializer):
    id = PublicId("deployment")
    version = serializers.IntegerField()
    state = serializers.CharField()
    weight = serializers.IntegerField()
    live_runs = serializers.IntegerField()
    tag_address = serializers.CharField(allow_null=True)
    commit = CommitShape(allow_null=True)
    error = serializers.CharField(allow_null=True)


class AppliedShape(serializers.Serializer):
    applied = serializers.IntegerField()
    total = serializers.IntegerField()
    after_s = serializers.FloatField(allow_null=True)


class ChangeShape(serializers.Serializer):
    generation = serializers.IntegerField()
    at = serializers.DateTimeField()
    by = serializers.CharField(allow_null=True)
    why = serializers.ChoiceField(["set", "promoted", "succeeded", "released", "removed"])
    note = serializers.CharField(allow_null=True)
    weights = serializers.DictField(child=serializers.IntegerField())


class DrawnShape(serializers.Serializer):
    calls = serializers.IntegerField()
    share = serializers.FloatField()


class TrafficShape(serializers.Serializer):
    """`history` and `draws` go by version; two deployments of one version count together there."""

    generation = serializers.IntegerField()
    holds = serializers.BooleanField()
    deployments = WeighedShape(many=True)
    gateways = AppliedShape()
    address = serializers.CharField()
    history = ChangeShape(many=True)
    draws = serializers.DictField(child=DrawnShape())


def traffic(one: Traffic) -> dict[str, Any]:
    environment, slug = one.environment, organization().slug
    deployments = shown_deployments(one)
    past = history(one)
    now = past[0] if past else None
    shown = {
        "generation": one.generation,
        "holds": one.holds,
        "deployments": _deployments(deployments, environment, slug),
        "gateways": applied(now),
        "address": address_of(environment.name, environment.project.slug, slug),
        "history": [_change(each) for each in past],
        "draws": _drawn(one),
    }
    return dict(TrafficShape(shown).data)


def _deployments(
    deployments: list[tuple[Deployment, int]], environment: Environment, slug: str
) -> list[dict[str, Any]]:
    """A tag's address is the newest's of its version, or of the one with weight: where the gateway leads it."""
    tagged: dict[int, tuple[bool, Any]] = {}
    for one, weight in deployments:
        if one.state == "healthy":
            number = one.version.number
            tagged[number] = max(tagged.get(number, (False, one.pk)), (weight > 0, one.pk))
    return [
        {
            "id": one.pk,
            "version": one.version.number,
            "state": state_of(one, weight),
            "weight": weight,
            "live_runs": one.live_runs,
            "tag_address": address_of(
                environment.name, environment.project.slug, slug, version=one.version.number
            )
            if (weight > 0, one.pk) == tagged.get(one.version.number)
            else None,
            "commit": {
                "sha": one.version.sha,
                "message": one.version.message,
                "author": one.version.author,
                "branch": one.version.branch,
            }
            if one.version.source == "git"
            else None,
            "error": one.error or None,
        }
        for one, weight in deployments
    ]


def _change(change: TrafficChange) -> dict[str, Any]:
    weights: Counter[str] = Counter()
    for one in change.weights.all():
        weights[str(one.deployment.version.number)] += one.basis_points
    return {
        "generation": change.generation,
        "at": change.at,
        "by": change.by.email if change.by else None,
        "why": change.why,
        "note": change.note or None,
        "weights": dict(weights),
    }


def _drawn(traffic: Traffic) -> dict[str, dict[str, Any]]:
    drawn = draws.of(traffic.environment_id, traffic.generation)
    versions = Deployment.objects.filter(pk__in=drawn).values_list("pk", "version__number")
    calls: Counter[str] = Counter()
    for pk, number in versions:
        calls[str(number)] += drawn[pk]
    total = sum(calls.values())
    return {
        version: {"calls": n, "share": n / total if total else 0.0} for version, n in calls.items()
    }
