"""Deployments: making them, and what an agent's word makes of them. Weights are hub/ingress's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import F
from django.db.models.functions import Now

from hub import live
from hub.accounts.models import User
from hub.common.api.errors import Conflict
from hub.deployments.models import Deployment, Version
from hub.deployments.signals import deployment_ended, deployment_healthy
from hub.fleet import actions as fleet
from hub.projects.models import Environment
from wistro.protocol.machine import DeploymentHealth

ALIVE = ("starting", "healthy")
KEPT_IDLE = timedelta(hours=1)
NEWEST_KEPT = 5


class NotReady(Conflict):
    """Only a version that is ready can be deployed."""

    code = "deploy.not-ready"
    hint = "Wait for its build, or see on the version's page why it failed."


def deploy(
    version: Version,
    environment: Environment,
    *,
    by: User | None,
    promotes: bool,
    succeeds: Deployment | None = None,
) -> Deployment:
    """Start a version in an environment with its variables as they are now. Raises NotReady."""
    if version.state != "ready":
        raise NotReady(f"Version {version.number} is {version.state}")
    made = Deployment.objects.create(
        environment=environment, version=version, revision=environment.revision,
        promotes=promotes, succeeds=succeeds, created_by=by,
    )  # fmt: skip
    fleet.place(environment)
    _changed(made)
    return made


def _changed(deployment: Deployment) -> None:
    """Agents and gateways read again; so do the pages that show it."""
    fleet.tick()
    live.publish("versions", deployment.version.project_id)  # type: ignore[attr-defined]
    live.publish("traffic", deployment.environment_id)  # type: ignore[attr-defined]


def succeed(environment: Environment, *, weighed: set[Any], by: User | None = None) -> None:
    """Variables changed: each deployment with weight gets a successor with the new revision, once healthy."""
    for deployment in Deployment.objects.filter(pk__in=weighed, state="healthy").select_related(
        "version"
    ):
        waiting = Deployment.objects.filter(succeeds=deployment, state="starting")
        waiting.update(state="stopped", stopped_at=Now())  # variables changed twice in a row
        deploy(deployment.version, environment, by=by, promotes=False, succeeds=deployment)


def hear(deployment: Deployment, said: DeploymentHealth) -> None:
    """What the agent says of a deployment. Once healthy it stays so: an engine that starts again serves again."""
    if deployment.live_runs != said.live_runs:
        idle = Now() if said.live_runs == 0 else None
        Deployment.objects.filter(pk=deployment.pk).update(
            live_runs=said.live_runs, idle_since=idle
        )
        live.publish("traffic", deployment.environment_id)  # type: ignore[attr-defined]
    if deployment.state != "starting":
        return
    if said.state == "healthy":
        deployment.state = "healthy"
        deployment.healthy_at = Now()
        deployment.save(update_fields=["state", "healthy_at"])
        deployment.refresh_from_db()
        deployment_healthy.send(Deployment, deployment=deployment)
        _changed(deployment)
    elif said.state == "failed":
        stop(deployment, "failed", error=said.error or "")


def stop(deployment: Deployment, state: str, *, error: str = "") -> None:
    deployment.state, deployment.error = state, error[:10_000]
    deployment.stopped_at = Now()
    deployment.save(update_fields=["state", "error", "stopped_at"])
    deployment_ended.send(Deployment, deployment=deployment)
    _changed(deployment)


def stop_idle(environment: Environment, *, weighed: set[Any]) -> int:
    """Stop what has no weight, no live run for an hour, and is not among the newest few; how many."""
    healthy = Deployment.objects.filter(environment=environment, state="healthy")
    newest = set(healthy.order_by("-pk").values_list("pk", flat=True)[:NEWEST_KEPT])
    idle = healthy.filter(live_runs=0).exclude(pk__in=weighed | newest)
    old = idle.filter(healthy_at__lt=Now() - KEPT_IDLE).exclude(idle_since__gt=Now() - KEPT_IDLE)
    stopped = list(old.select_related("version").order_by(F("pk")))
    for one in stopped:
        stop(one, "stopped")
    return len(stopped)
