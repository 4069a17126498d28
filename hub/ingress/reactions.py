"""What happens elsewhere and moves traffic; each runs in the transaction, and the scope, of what happened."""

from __future__ import annotations

from typing import Any

from hub.deployments.models import Deployment
from hub.fleet import actions as fleet
from hub.ingress import actions
from hub.projects.actions import locked
from hub.projects.models import Environment, Project


def made(environment: Environment, **_: Any) -> None:
    actions.locked_traffic(environment)


def variables_changed(environment: Environment, **_: Any) -> None:
    actions.bring_up_to_date(environment)


def removed(project: Project, **_: Any) -> None:
    """Its environments leave the tables of gateways and agents with their rows.

    They are locked before the clock: whoever else changes one of them holds it, and waits for the clock.
    """
    for environment in Environment.objects.filter(project=project).order_by("pk"):
        locked(environment)
    fleet.tick()


def healthy(deployment: Deployment, **_: Any) -> None:
    actions.settle(deployment)


def ended(deployment: Deployment, **_: Any) -> None:
    actions.let_go(deployment)
