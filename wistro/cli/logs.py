"""`wistro logs`: the newest lines of an environment, and those that come."""

from __future__ import annotations

import sys
import time
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import typer

from wistro.cli import hub as hubs
from wistro.cli import say
from wistro.hub_client import api
from wistro.hub_client.connection import Hub
from wistro.hub_client.following import Patience
from wistro.hub_client.shapes import Environment
from wistro.protocol.reading import Gap, LinePage, LineView

EVERY_S = 1.0


class Level(StrEnum):
    debug = "debug"
    info = "info"
    warn = "warn"
    error = "error"


def run(
    environment: Annotated[str, typer.Argument(help="Where.")] = hubs.USUAL_ENVIRONMENT,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with those that come.")
    ] = False,
    run: Annotated[str | None, typer.Option(metavar="RUN", help="Only of this run.")] = None,
    step: Annotated[str | None, typer.Option(help="Only of this step, by its id.")] = None,
    level: Annotated[Level | None, typer.Option(help="This level and above.")] = None,
    text: Annotated[str | None, typer.Option(help="Only lines with these words.")] = None,
    limit: Annotated[int, typer.Option(help="How many to begin with.", min=1, max=1000)] = 100,
    project: hubs.ProjectOption = None,
    hub: hubs.HubOption = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> int:
    """Example: wistro logs prod --follow --level warn"""
    asked = hubs.signed_in(hub)
    of = hubs.project(asked, project)
    place = api.environment(of, environment)
    filters = {"run": run, "step": step, "level": level, "text": text}
    page = api.log_lines(asked, place, limit=limit, **filters)
    _say(page, json=json)
    if follow:
        _follow(asked, place, filters, page.cursor, json=json)
    again = f" --project {of.label}" if project else ""
    if not page.lines:
        say.talk(
            f"no line in {environment}" + (" is like that" if any(filters.values()) else " yet")
        )
    say.next_step(f"wistro logs {environment} --follow{again}")
    return 0


def _follow(
    asked: Hub, of: Environment, filters: dict[str, Any], cursor: str, *, json: bool
) -> None:
    """Until Ctrl-C; a Hub that restarts is waited for."""
    patience = Patience(time.monotonic, time.sleep)
    while True:
        after = cursor

        def ask(after: str = after) -> LinePage:
            return api.log_lines(asked, of, after=after, limit=1000, **filters)

        page = patience.asked(ask)
        if page is not None:
            _say(page, json=json)
            cursor = page.cursor
        if page is None or not page.more:
            patience.sleep(EVERY_S)


def _say(page: LinePage, *, json: bool) -> None:
    for gap in page.gaps:
        _say_gap(gap)
    for line in page.lines:
        say.out(msgspec.json.encode(line).decode() if json else _shown(line))
    sys.stdout.flush()


def _say_gap(gap: Gap) -> None:
    number = gap.last - gap.first + 1
    say.note(
        f"{number} line{'' if number == 1 else 's'} of one engine were lost before they were kept"
    )


def _shown(line: LineView) -> str:
    fields = " ".join(
        f"{name}={value if isinstance(value, str) else msgspec.json.encode(value).decode()}"
        for name, value in line.fields.items()
    )
    moment = line.at[11:23] if len(line.at) > 23 else line.at
    return say.plain(
        f"{moment} {line.level:<5} {line.step or line.source}: {line.message} {fields}"
    ).rstrip()
