"""What happens elsewhere and moves traffic; each runs in the transaction, and the scope, of what happened."""

from __future__ import annotations

from typing import Any

from hub.deployments.models import Build, Deployment
from hub.fleet import actions as fleet
from hub.ingress import actions
from hub.projects.actions import locked
from hub.projects.models import Environment, Project


def made(environment: Environment, **_: Any) -> None:
    actions.locked_traffic(environment)


def variables_changed(environment: Environment, **_: Any) -> None:
    actions.bring_up_to_date(environment)


def removed(project: Project, **_: Any) -> None:
    """Locks what is about to go in the order of whoever else changes it: builds, then environments.

    A builder's last word holds its build and waits for the environment that its version goes to.
    """
    building = Build.objects.select_for_update(of=("self",)).filter(
        version__project=project, ended_at=None
    )
    list(building.order_by("pk").values_list("pk"))
    for environment in Environment.objects.filter(project=project).order_by("pk"):
        locked(environment)


def gone(instance: Project, **_: Any) -> None:
    """Its environments have left the tables of gateways and agents with their rows. The clock, which is everyone's, is
    held for the commit only, not while the rows go."""
    fleet.tick()


def healthy(deployment: Deployment, **_: Any) -> None:
    actions.settle(deployment)


def ended(deployment: Deployment, **_: Any) -> None:
    actions.let_go(deployment)
