"""Deployments: making them, what an agent's word makes of them, and their end. Weights are hub/ingress's.

starting -> healthy | failed, by the agent's word; healthy -> draining when nobody needs it any more; draining ->
stopped, once the agent says that its last run is over. *draining* is also shown of a healthy one without weight
whose runs are not done.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Now

from hub import live
from hub.accounts.models import User
from hub.common.api.errors import Conflict
from hub.common.settings import SETTINGS
from hub.deployments.models import Deployment, Version
from hub.deployments.signals import deployment_ended, deployment_healthy
from hub.fleet import actions as fleet
from hub.projects.actions import locked
from hub.projects.models import Environment
from hub.projects.queries import variables_at
from wistro.auth import policy
from wistro.protocol.machine import DeploymentHealth

ALIVE = ("starting", "healthy", "draining")
KEPT_IDLE = timedelta(hours=1)
KEPT_SUCCEEDED = timedelta(minutes=1)  # gateways have long left it; its variables are old
NEWEST_KEPT = 5
ERROR_MOST = 10_000


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
    """Start a version in an environment with its variables as they are now. Raises NotReady.

    One whose endpoints' policies name a variable without a value has failed at once: it could let nobody in.
    """
    if version.state != "ready":
        raise NotReady(f"Version {version.number} is {version.state}")
    environment = locked(environment)
    made = Deployment.objects.create(
        environment=environment, version=version, revision=environment.revision,
        promotes=promotes, succeeds=succeeds, created_by=by,
    )  # fmt: skip
    if unset := _unset(version, environment):
        stop(made, "failed", error=_why(unset, environment))
    else:
        fleet.place(environment)
        changed(made)
    return made


def _unset(version: Version, environment: Environment) -> list[str]:
    wanted = policy.variables([one for each in version.endpoints for one in each.get("auth", [])])
    if not wanted:
        return []
    values = variables_at(environment)
    return sorted(name for name in wanted if name not in values or not values[name].text)


def _why(unset: list[str], environment: Environment) -> str:
    names = ", ".join(unset)
    return f"Endpoints' `auth` names {names}, which {environment.name} does not set. Set it there and deploy again."


def changed(deployment: Deployment) -> None:
    """Agents and gateways read again; so do the pages that show it. It takes the clock, so comes last."""
    fleet.tick()
    live.publish("versions", deployment.version.project_id)
    live.publish("traffic", deployment.environment_id)


def bring_up_to_date(environment: Environment, *, weighed: Collection[UUID]) -> list[Deployment]:
    """A successor for each deployment with weight whose variables are not the newest, unless it has had one."""
    stale = Deployment.objects.filter(
        pk__in=weighed, state="healthy", revision__lt=environment.revision
    )
    made = []
    for deployment in stale.with_version().order_by("pk"):
        heirs = Deployment.objects.filter(succeeds=deployment)
        if heirs.filter(revision=environment.revision).exists():
            continue
        heirs.filter(state="starting").update(state="stopped", stopped_at=Now())
        made.append(
            deploy(deployment.version, environment, by=None, promotes=False, succeeds=deployment)
        )
    return made


def hear_all(environment_id: UUID, said: Sequence[DeploymentHealth]) -> None:
    """What an agent says of an environment's deployments; locks it only when there is news."""
    by_id = {one.deployment_id: one for one in said}
    alive = Deployment.objects.filter(environment_id=environment_id, state__in=ALIVE)
    if any(_is_news(one, by_id.get(str(one.pk))) for one in alive):
        if (environment := Environment.objects.filter(pk=environment_id).first()) is None:
            return  # removed since the grant was looked up
        locked(environment)
        for deployment in alive.with_version("environment").order_by("pk"):
            health = by_id.get(str(deployment.pk))
            if health is not None and _is_news(deployment, health):
                hear(deployment, health)


def _is_news(deployment: Deployment, said: DeploymentHealth | None) -> bool:
    if said is None:
        return False
    return (
        said.live_runs != deployment.live_runs
        or (deployment.state == "starting" and said.state in ("healthy", "failed"))
        or (deployment.state == "draining" and _is_drained(said))
    )


def _is_drained(said: DeploymentHealth) -> bool:
    return said.state in ("draining", "stopped") and not said.live_runs


def hear(deployment: Deployment, said: DeploymentHealth) -> None:
    """One deployment's news. Once healthy it stays so: an engine that starts again serves again."""
    if deployment.live_runs != said.live_runs:
        deployment.live_runs = said.live_runs
        idle = Now() if said.live_runs == 0 else None
        Deployment.objects.filter(pk=deployment.pk).update(
            live_runs=said.live_runs, idle_since=idle
        )
        live.publish("traffic", deployment.environment_id)
    if deployment.state == "draining" and _is_drained(said):
        stop(deployment, "stopped")
    elif deployment.state == "starting" and said.state == "failed":
        stop(deployment, "failed", error=said.error or "The engine did not say why.")
    elif deployment.state == "starting" and said.state == "healthy":
        Deployment.objects.filter(pk=deployment.pk).update(state="healthy", healthy_at=Now())
        deployment.refresh_from_db()
        deployment_healthy.send(Deployment, deployment=deployment)
        changed(deployment)


def give_up(deployment_id: UUID) -> None:
    """Fail one that has been starting for too long, unless its agent was heard of meanwhile. In the tenant's scope."""
    found = Deployment.objects.filter(pk=deployment_id).select_related("environment").first()
    if found is None:
        return
    locked(found.environment)
    late = Deployment.objects.filter(pk=deployment_id, state="starting").with_version("environment")
    if (deployment := late.first()) is not None:
        stop(deployment, "failed", error=_why_not_started(deployment.environment))


def _why_not_started(environment: Environment) -> str:
    limit_s = SETTINGS.start_limit_s
    match fleet.state_of_agent(environment):
        case "none":
            why = "There was no agent to run it."
        case "silent":
            why = "Its agent has fallen silent."
        case _:
            why = "Its agent has not said how it went."
    return f"It did not start within {limit_s} s. {why} Deploy it again once the fleet's page shows an agent that is alive."


def stop(deployment: Deployment, state: str, *, error: str = "") -> None:
    """End it: stopped or failed."""
    deployment.state = state
    deployment.error = error.replace("\0", "\ufffd")[:ERROR_MOST]
    deployment.stopped_at = Now()
    deployment.save(update_fields=["state", "error", "stopped_at"])
    deployment.refresh_from_db()
    deployment_ended.send(Deployment, deployment=deployment)
    changed(deployment)


def rest(deployments: Collection[UUID]) -> None:
    """They lost their weight: from now on they are kept for a while, for a way back."""
    Deployment.objects.filter(pk__in=deployments).update(idle_since=Now())


def drain_idle(environment: Environment, *, weighed: Collection[UUID]) -> list[Deployment]:
    """Let go of what has neither weight nor live runs, and for long enough; the newest few stay.

    One that was succeeded leaves after a minute, however new: only its variables, which are old, tell it apart.
    """
    idle = Deployment.objects.filter(environment=environment, state="healthy", live_runs=0)
    before = _succeeded(environment)
    newest = Deployment.objects.filter(environment=environment, state="healthy")
    newest = newest.exclude(pk__in=before).order_by("-pk")
    kept = set(newest.values_list("pk", flat=True)[:NEWEST_KEPT])
    old = ~Q(pk__in=kept) & _since(KEPT_IDLE)
    succeeded = Q(pk__in=before) & _since(KEPT_SUCCEEDED)
    leaving = list(idle.exclude(pk__in=weighed).filter(old | succeeded).order_by("pk"))
    Deployment.objects.filter(pk__in=[one.pk for one in leaving]).update(state="draining")
    return leaving


def _since(long: timedelta) -> Q:
    rested = Q(idle_since=None) | Q(idle_since__lt=Now() - long)
    return Q(healthy_at__lt=Now() - long) & rested


def _succeeded(environment: Environment) -> list[UUID]:
    heirs = Deployment.objects.filter(environment=environment, state="healthy")
    return list(heirs.exclude(succeeds=None).values_list("succeeds", flat=True))
