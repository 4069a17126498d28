"""`wistro traffic`: how an environment's calls are split between versions, and to split them anew."""

from __future__ import annotations

import time
from typing import Annotated

import msgspec
import typer

from wistro.cli import hub as hubs
from wistro.cli import say
from wistro.cli.progress import Progress
from wistro.cli.tables import table
from wistro.hub_client import api, weighing
from wistro.hub_client.connection import Hub
from wistro.hub_client.shapes import Environment, Traffic

APPLIED_S = 10.0
EVERY_S = 0.2


def run(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ENVIRONMENT VERSION=SHARE", help="dev when left out; 27=25% 28=75%."
        ),
    ] = None,
    note: Annotated[str | None, typer.Option(help="Why, for the history.")] = None,
    release: Annotated[
        bool, typer.Option("--release", help="Let the next healthy version take all again.")
    ] = False,
    project: hubs.ProjectOption = None,
    hub: hubs.HubOption = None,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro traffic prod 27=25%

    A share is version 27's newest deployment; the versions not named make room in proportion. A list
    that names all of them must add up to 100%.
    """
    name, changes = read_words(words or [])
    if release and changes:
        raise typer.BadParameter("--release sets no weights: leave the shares out")
    asked = hubs.signed_in(hub)
    of = hubs.project(asked, project)
    environment = api.environment(of, name)
    again = f" --project {of.label}" if project else ""
    traffic = api.traffic(asked, environment)
    if changes:
        traffic = change(asked, environment, traffic, weighing.changed(traffic, changes), note)
    elif release:
        api.release_traffic(asked, environment)
        traffic = api.traffic(asked, environment)
        say.done("Released", f"the next version that gets healthy in {name} takes all")
    show(environment, traffic, json=json)
    say.next_step(_next(name, traffic, again, has_changed=bool(changes), has_released=release))
    return 0


def read_words(words: list[str]) -> tuple[str, list[str]]:
    """`["prod", "27=25%"]` -> ("prod", ["27=25%"])."""
    names = [one for one in words if "=" not in one]
    if len(names) > 1 or (names and words[0] != names[0]):
        raise typer.BadParameter(f"`{names[-1]}` is no share of a version, as 27=25%")
    return (names[0] if names else hubs.USUAL_ENVIRONMENT), [one for one in words if "=" in one]


def change(
    asked: Hub, of: Environment, before: Traffic, weights: dict[str, int], note: str | None
) -> Traffic:
    """Set the full list and wait until every gateway goes by it."""
    traffic = api.set_traffic(asked, of, weights, if_generation=before.generation, note=note)
    wanted, end = traffic.generation, time.monotonic() + APPLIED_S
    with Progress() as at:
        while not _is_applied(traffic, wanted) and time.monotonic() < end:
            at.show(f"applied by {traffic.gateways.applied}/{traffic.gateways.total} gateways")
            time.sleep(EVERY_S)
            traffic = api.traffic(asked, of)
    _say_applied(traffic, wanted)
    return traffic


def show(of: Environment, traffic: Traffic, *, json: bool) -> None:
    from wistro.traffic.weights import percent

    if json:
        say.data({"environment": of.name, **msgspec.to_builtins(traffic)})
        return
    shown = weighing.choices(traffic)
    if not shown:
        say.talk(f"nothing runs in {of.name} yet")
        return
    table(
        ("VERSION", "SHARE", "STATE", "LIVE RUNS", "DRAWN"),
        [
            (
                str(one.version),
                percent(one.weight),
                one.state,
                str(one.live_runs),
                str(traffic.draws[str(one.version)].calls)
                if str(one.version) in traffic.draws
                else "0",
            )
            for one in shown
        ],
        right=(0, 1, 3, 4),
    )
    held = "holds its weights" if traffic.holds else "the next healthy version takes all"
    say.detail(f"{of.name}, generation {traffic.generation}: {held}")


def _is_applied(traffic: Traffic, generation: int) -> bool:
    """Also when someone else has set another generation since, or no gateway is there to wait for."""
    gateways = traffic.gateways
    return traffic.generation != generation or gateways.applied >= gateways.total


def _say_applied(traffic: Traffic, generation: int) -> None:
    gateways = traffic.gateways
    if traffic.generation != generation:
        say.note("someone changed the weights again in between; this is how they are now")
    elif not gateways.total:
        say.done("Set", "no gateway is running: the first one to start goes by it")
    elif gateways.applied < gateways.total:
        say.done("Set", f"applied by {gateways.applied}/{gateways.total} gateways so far")
        say.note("the others have not answered; each goes by it as soon as it asks the Hub again")
    else:
        after = f"{gateways.after_s:.1f} s" if gateways.after_s is not None else ""
        say.done("Applied", f"{gateways.applied}/{gateways.total} gateways", after)


def _next(name: str, traffic: Traffic, again: str, *, has_changed: bool, has_released: bool) -> str:
    shown = weighing.choices(traffic)
    if not shown:
        return f"wistro deploy --to {name}{again}"
    if has_released:
        return f"wistro deploy --to {name}{again}"
    if has_changed:
        return f"wistro logs {name} --follow{again}"
    idle = [one for one in shown if not one.weight and one.state == "healthy"]
    return (
        f"wistro traffic {name} {(idle or shown)[0].version}=25%{again}"
        if len(shown) > 1
        else f"wistro deploy --to {name}{again}"
    )
