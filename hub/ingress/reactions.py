"""What happens elsewhere and moves traffic; each runs in the transaction, and the scope, of what happened."""

from __future__ import annotations

from typing import Any

from hub.deployments.models import Deployment
from hub.fleet import actions as fleet
from hub.ingress import actions
from hub.projects.models import Environment, Project


def made(environment: Environment, **_: Any) -> None:
    actions.locked_traffic(environment)


def variables_changed(environment: Environment, **_: Any) -> None:
    actions.bring_up_to_date(environment)


def removed(project: Project, **_: Any) -> None:
    """Its environments leave the tables of gateways and agents with their rows."""
    fleet.tick()


def healthy(deployment: Deployment, **_: Any) -> None:
    actions.settle(deployment)


def ended(deployment: Deployment, **_: Any) -> None:
    actions.let_go(deployment)
