"""`wistro logs`: the newest lines of an environment, and those that come."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import typer

from wistro.cli import here as heres
from wistro.cli import hub as hubs
from wistro.cli import say
from wistro.control.client import EngineLost
from wistro.hub_client import api
from wistro.hub_client.following import Patience
from wistro.protocol.reading import Gap, LinePage, LineView

EVERY_S = 1.0
HERE_EVERY_S = 0.25
COLOURS = {"debug": "2", "info": "36", "warn": "33", "error": "31"}


class Level(StrEnum):
    debug = "debug"
    info = "info"
    warn = "warn"
    error = "error"


def run(
    environment: Annotated[
        str | None,
        typer.Argument(help="Of the Hub; this folder's project when left out."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with those that come.")
    ] = False,
    run: Annotated[str | None, typer.Option(metavar="RUN", help="Only of this run.")] = None,
    step: Annotated[str | None, typer.Option(help="Only of this step, by its id.")] = None,
    level: Annotated[Level | None, typer.Option(help="This level and above.")] = None,
    text: Annotated[
        str | None, typer.Option("--text", "--grep", help="Only lines with these words.")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many to begin with.", min=1, max=1000)] = 100,
    here: heres.HereOption = False,
    folder: heres.FolderOption = heres.USUAL_FOLDER,
    project: hubs.ProjectOption = None,
    hub: hubs.HubOption = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> int:
    """Example: wistro logs prod --follow --level warn

    Of the engine that runs in this folder; of the Hub when an environment is named or the folder is linked.
    """
    filters = {"run": run, "step": step, "level": level, "text": text}
    found = heres.instead_of_hub(
        folder, environment=environment, project=project, hub=hub, here=here
    )
    if found is not None:
        return _here(found, filters, limit=limit, follow=follow, json=json)
    asked = hubs.signed_in(hub, folder)
    of = hubs.project(asked, project, folder)
    name = environment or hubs.USUAL_ENVIRONMENT
    place = api.environment(of, name)

    def read(**more: Any) -> LinePage:
        return api.log_lines(asked, place, **more, **filters)

    page = read(limit=limit)
    _say(page, json=json)
    if follow:
        _follow(read, page.cursor, json=json)
    again = f" --project {of.label}" if project else ""
    if not page.lines:
        say.talk(_none(name, filters))
    say.next_step(f"wistro logs {name} --follow{again}")
    return 0


def _here(
    found: heres.Here, filters: dict[str, Any], *, limit: int, follow: bool, json: bool
) -> int:
    found.tell_source()
    page = found.get("lines", LinePage, limit=limit, **filters)
    _say(page, json=json)
    if not page.lines:
        say.talk(_none("this folder", filters))
    cursor = page.cursor
    while follow:
        time.sleep(0.0 if page.more else HERE_EVERY_S)
        try:
            page = found.get("lines", LinePage, after=cursor, limit=1000, **filters)
        except EngineLost:  # it ended: its files say the rest, and the next engine writes there too
            found = heres.find(found.root)
            continue
        _say(page, json=json)
        cursor = page.cursor
    if page.lines:
        say.next_step("wistro logs --follow")
    return 0


def _none(name: str, filters: dict[str, Any]) -> str:
    return f"no line in {name}" + (" is like that" if any(filters.values()) else " yet")


def _follow(read: Callable[..., LinePage], cursor: str, *, json: bool) -> None:
    """Until Ctrl-C; a Hub that restarts is waited for."""
    patience = Patience(time.monotonic, time.sleep)
    while True:
        after = cursor

        def ask(after: str = after) -> LinePage:
            return read(after=after, limit=1000)

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
    level = say.painted(f"{say.plain(line.level):<5}", COLOURS.get(line.level, "0"))
    rest = say.plain(f"{line.step or line.source}: {line.message} {fields}").rstrip()
    return f"{say.painted(moment, '2')} {level} {rest}"
