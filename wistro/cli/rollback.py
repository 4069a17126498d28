"""`wistro rollback`: the weights that an environment had before."""

from __future__ import annotations

from typing import Annotated

import typer

from wistro.cli import hub as hubs
from wistro.cli import say
from wistro.cli.traffic import change, show
from wistro.hub_client import api, weighing


def run(
    environment: Annotated[str, typer.Argument(help="Where.")],
    note: Annotated[str | None, typer.Option(help="Why, for the history.")] = None,
    project: hubs.ProjectOption = None,
    hub: hubs.HubOption = None,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro rollback prod --note "checkout fails"

    Goes back to the last split that was another than now's, with deployments that still run: at once, no build.
    """
    asked = hubs.signed_in(hub)
    of = hubs.project(asked, project)
    to = api.environment(of, environment)
    traffic = api.traffic(asked, to)
    traffic = change(asked, to, traffic, weighing.before(traffic), note or "rollback")
    show(to, traffic, json=json)
    again = f" --project {of.label}" if project else ""
    say.next_step(f"wistro logs {environment} --follow{again}")
    return 0
