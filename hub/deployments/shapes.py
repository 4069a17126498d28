"""How versions and deployments are shown."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers

from hub.common.api.ids import PublicId
from hub.deployments.models import Build, BuildLine, Deployment, Version

STAGES = ("queued", "fetching", "installing", "compiling", "uploading")


class CommitShape(serializers.Serializer):
    sha = serializers.CharField()
    message = serializers.CharField()
    author = serializers.CharField()
    branch = serializers.CharField()


class ProblemShape(serializers.Serializer):
    code = serializers.CharField()
    message = serializers.CharField()
    hint = serializers.CharField(allow_null=True)
    where = serializers.CharField(allow_null=True)


class DeploymentShape(serializers.Serializer):
    id = PublicId("deployment")
    environment = serializers.CharField()
    version = serializers.IntegerField()
    state = serializers.CharField()
    weight = serializers.IntegerField()
    error = serializers.CharField(allow_null=True)


class VersionShape(serializers.Serializer):
    id = PublicId("version")
    number = serializers.IntegerField()
    commit = CommitShape(allow_null=True)
    source = serializers.CharField()
    state = serializers.CharField()
    problems = ProblemShape(many=True)
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField(allow_null=True)
    ready_at = serializers.DateTimeField(allow_null=True)
    durations = serializers.DictField(child=serializers.FloatField())
    deployments = DeploymentShape(many=True)
    lock_changes = serializers.ListField(child=serializers.CharField())
    lock_digest = serializers.CharField(allow_null=True)


class VersionPage(serializers.Serializer):
    items = VersionShape(many=True)
    next = serializers.CharField(allow_null=True)


class LineShape(serializers.ModelSerializer):
    class Meta:
        model = BuildLine
        fields = ("seq", "at", "stage", "text")


class LinesShape(serializers.Serializer):
    lines = LineShape(many=True)
    cursor = serializers.CharField()
    done = serializers.BooleanField()


def version(one: Version, weights: dict[UUID, int]) -> dict[str, Any]:
    return dict(
        VersionShape(
            {
                "id": one.pk,
                "number": one.number,
                "commit": {
                    "sha": one.sha, "message": one.message, "author": one.author, "branch": one.branch
                } if one.source == "git" else None,
                "source": one.source,
                "state": one.state,
                "problems": [{"hint": None, "where": None, **each} for each in one.build.problems],  # type: ignore[attr-defined]
                "created_at": one.created_at,
                "created_by": one.created_by.email if one.created_by else None,
                "ready_at": one.ready_at,
                "durations": durations(one.build),  # type: ignore[attr-defined]
                "deployments": [_values(each, weights.get(each.pk, 0), one) for each in one.deployments.all()],  # type: ignore[attr-defined]
                "lock_changes": one.lock_changes,
                "lock_digest": one.lock_digest or None,
            }
        ).data
    )  # fmt: skip


def deployment(one: Deployment, weight: int) -> dict[str, Any]:
    return dict(DeploymentShape(_values(one, weight, one.version)).data)


def _values(one: Deployment, weight: int, of: Version) -> dict[str, Any]:
    """Not yet shown: the version's own shape writes its deployments' ids."""
    return {
        "id": one.pk,
        "environment": one.environment.name,
        "version": of.number,
        "state": state_of(one, weight),
        "weight": weight,
        "error": one.error or None,
    }


def state_of(one: Deployment, weight: int) -> str:
    """`draining` is a healthy one without weight whose runs are not done."""
    return "draining" if one.state == "healthy" and not weight and one.live_runs else one.state


def durations(build: Build) -> dict[str, float]:
    """Seconds in each stage that was reached: `queued_s`, `fetching_s`, …; the last one's so far are left out."""
    reached = [(stage, getattr(build, f"{stage}_at")) for stage in STAGES]
    reached = [(stage, at) for stage, at in reached if at is not None]
    ends = [at for _, at in reached[1:]] + [build.ended_at]
    return {
        f"{stage}_s": round((end - at).total_seconds(), 3)
        for (stage, at), end in zip(reached, ends, strict=True)
        if end is not None
    }
