"""`wistro versions`: a project's versions, or one with its problems and its build's log."""

from __future__ import annotations

import time
from typing import Annotated

import msgspec
import typer

from wistro.cli import hub as hubs
from wistro.cli import say
from wistro.cli.follow import VersionProblem, ended_badly, follow_build, follow_deployment
from wistro.cli.tables import ago, table
from wistro.hub_client import api
from wistro.hub_client.connection import Hub
from wistro.hub_client.following import Patience, newest
from wistro.hub_client.shapes import Project, Version

FEW = 20


def run(
    number: Annotated[int | None, typer.Argument(help="One version, with its build's log.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until it is healthy or has failed.")
    ] = False,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1)] = FEW,
    project: hubs.ProjectOption = None,
    hub: hubs.HubOption = None,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro versions 27 --follow"""
    asked = hubs.signed_in(hub)
    of = hubs.project(asked, project)
    again = f" --project {of.label}" if project else ""
    if number is not None:
        return _one(asked, api.version_of(asked, of, number), again, follow=follow, json=json)
    if follow:
        raise typer.BadParameter("--follow wants a version's number: wistro versions 27 --follow")
    found = api.versions(asked, of, limit=limit)
    if json:
        say.data(msgspec.to_builtins(found))
    elif not found:
        say.talk(f"{of.label} has no version yet")
        say.next_step(f"wistro deploy{again}")
    else:
        _list(of, found, again)
    return 0


def _list(of: Project, found: list[Version], again: str) -> None:
    table(
        ("VERSION", "STATE", "TRAFFIC", "FROM", "MADE"),
        [
            (str(one.number), one.state, _places(one), _source(one), ago(one.created_at))
            for one in found
        ],
        right=(0,),
    )
    say.next_step(_next(found[0]) + again)


def _next(newest: Version) -> str:
    """What one does with the newest version as it is now."""
    if newest.state != "ready":
        return f"wistro versions {newest.number}"
    for one in newest.deployments:
        if one.state == "healthy" and one.weight < 10_000:
            return f"wistro traffic {one.environment} {newest.number}=25%"
    serving = [one.environment for one in newest.deployments if one.weight]
    if serving:
        return f"wistro logs {serving[0]} --follow"
    return f"wistro promote {newest.number} {hubs.USUAL_ENVIRONMENT}"


def _places(one: Version) -> str:
    from wistro.traffic.weights import percent

    return ", ".join(
        f"{each.environment} {percent(each.weight) if each.weight else each.state}"
        for each in one.deployments
    )


def _source(one: Version) -> str:
    if one.commit is None:
        return one.created_by or one.source
    first = one.commit.message.partition("\n")[0]
    return say.clipped(f"{one.commit.sha[:7]} {first}", 48)


def _one(asked: Hub, version: Version, again: str, *, follow: bool, json: bool) -> int:
    patience = Patience(time.monotonic, time.sleep)
    if follow:
        version = follow_build(asked, version, patience)
        return _followed(asked, version, again, patience)
    if json:
        say.data(msgspec.to_builtins(version))
        return 0
    cursor, more = None, True
    while more:
        page = api.lines(asked, version.id, after=cursor)
        for line in page.lines:
            say.out(say.plain(f"{line.stage:<10}  {line.text}").rstrip())
        more, cursor = bool(page.lines) and not page.done, page.cursor
    for problem in version.problems:
        say.error(VersionProblem(problem))
    where = _places(version) or "nowhere yet"
    say.talk(
        f"version {version.number} is {version.state}; in {where}"
        if version.state == "ready"
        else f"version {version.number} is {version.state}"
    )
    if version.state == "ready":
        say.next_step(f"wistro promote {version.number} {hubs.USUAL_ENVIRONMENT}{again}")
    elif version.state in ("failed", "cancelled", "superseded"):
        say.next_step(f"wistro deploy{again}")
    else:
        say.next_step(f"wistro versions {version.number} --follow{again}")
    return 0


def _followed(asked: Hub, version: Version, again: str, patience: Patience) -> int:
    """Which environment is meant is the Hub's to know: wherever the version is started."""
    names = sorted({one.environment for one in version.deployments})
    if version.state != "ready" or not names:
        return ended_badly(version, None, names[0] if names else "its environment", again)
    for name in names:
        deployment = follow_deployment(asked, version, name, patience)
        if code := ended_badly(version, deployment, name, again):
            return code
        version = api.version(asked, version.id)
        here = newest(version, name)
        say.done(
            "Healthy", f"version {version.number} in {name}, {_weight(here.weight if here else 0)}"
        )
    say.next_step(f"wistro traffic {names[0]}{again}")
    return 0


def _weight(points: int) -> str:
    from wistro.traffic.weights import percent

    return f"{percent(points)} of traffic"
