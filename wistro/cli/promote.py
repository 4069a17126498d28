"""`wistro promote`: give a version all of an environment's traffic, starting it there first where it does not run."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from wistro.cli import hub as hubs
from wistro.cli import say
from wistro.cli.follow import ended_badly, follow_deployment
from wistro.cli.traffic import change, show
from wistro.hub_client import api, weighing
from wistro.hub_client.connection import Hub
from wistro.hub_client.following import Patience
from wistro.hub_client.shapes import Environment, Project


def run(
    version: Annotated[int, typer.Argument(help="The version's number.")],
    environment: Annotated[str, typer.Argument(help="Where.")],
    note: Annotated[str | None, typer.Option(help="Why, for the history.")] = None,
    project: hubs.ProjectOption = None,
    hub: hubs.HubOption = None,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro promote 27 prod

    The environment holds these weights afterwards; `wistro traffic prod --release` lets the next healthy
    version take all again.
    """
    asked = hubs.signed_in(hub)
    of = hubs.project(asked, project)
    to = api.environment(of, environment)
    again = f" --project {of.label}" if project else ""
    is_there = version in weighing.newest_by_version(api.traffic(asked, to))
    if not is_there and (code := _started(asked, of, to, version, again)):
        return code
    traffic = api.traffic(asked, to)
    traffic = change(asked, to, traffic, weighing.promoted(traffic, version), note)
    show(to, traffic, json=json)
    say.next_step(f"wistro logs {environment} --follow{again}")
    return 0


def _started(asked: Hub, of: Project, to: Environment, number: int, again: str) -> int:
    found = api.version_of(asked, of, number)
    api.deploy(asked, to, number=number)
    deployment = follow_deployment(asked, found, to.name, Patience(time.monotonic, time.sleep))
    if code := ended_badly(api.version(asked, found.id), deployment, to.name, again):
        return code
    say.done("Healthy", f"version {number} in {to.name}")
    return 0
