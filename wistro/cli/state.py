"""`wistro state`: what steps keep between runs, looked at and mended by hand."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from wistro.cli import here as heres
from wistro.cli import hub as hubs
from wistro.cli import say
from wistro.cli.groups import group
from wistro.cli.tables import table
from wistro.cli.values import read_json, shown
from wistro.errors import UserError
from wistro.protocol.operating import Changed, Entry, EntryPage, GroupPage

app = group("wistro state get payments tea")
PAGE = 1_000
VALUE_COLUMNS = 200  # of a value in a table that is piped

GroupArgument = Annotated[str, typer.Argument(metavar="GROUP", help="The state's group.")]
KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="A key of the group.")]


class NotAsked(UserError):
    """A whole group would be forgotten, and nobody was there to say yes."""

    code = "state.not-asked"
    hint = "Say it: --yes."


@app.command("list")
def list_(
    named: Annotated[
        str | None, typer.Argument(metavar="GROUP", help="Its keys; else the groups.")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=100_000)] = 1_000,
    folder: heres.FolderOption = heres.USUAL_FOLDER,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro state list payments

    Without a group: the groups there are, and how many keys each has.
    """
    here = heres.find(folder)
    here.tell_source()
    return _groups(here, limit, json) if named is None else _keys(here, named, limit, json)


@app.command("get")
def get(
    named: GroupArgument,
    key: KeyArgument,
    folder: heres.FolderOption = heres.USUAL_FOLDER,
) -> int:
    """Example: wistro state get payments tea

    The value as JSON on stdout; exit 1 where there is none.
    """
    here = heres.find(folder)
    here.tell_source()
    say.data(here.get("state", Entry, group=named, key=key).value)
    return 0


@app.command("set")
def set_(
    named: GroupArgument,
    key: KeyArgument,
    value: Annotated[str, typer.Argument(help="JSON; `-` reads stdin, `@file` a file.")],
    folder: heres.FolderOption = heres.USUAL_FOLDER,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro state set limits tea '{"most": 10}'

    In place of what is there. It is on disk when this returns.
    """
    body = {"group": named, "key": key, "value": read_json(value, what="VALUE")}
    heres.find(folder).ask("PUT", "state", Changed, body)
    _told(json, "Set", f"{named} {key}", 1)
    return 0


@app.command("delete")
def delete(
    named: GroupArgument,
    key: KeyArgument,
    folder: heres.FolderOption = heres.USUAL_FOLDER,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro state delete payments tea"""
    changed = heres.find(folder).ask("DELETE", "state", Changed, group=named, key=key)
    _told(json, "Deleted", f"{named} {key}", changed.number)
    return 0


@app.command("clear")
def clear(
    named: GroupArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    folder: heres.FolderOption = heres.USUAL_FOLDER,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro state clear carts --yes

    Forgets the group with all its keys.
    """
    here = heres.find(folder)
    if not yes:
        if not hubs.can_ask():
            raise NotAsked(f"forget all of `{named}`?")
        if not typer.confirm(f"Forget all of `{say.plain(named)}`?", err=True):
            return 1
    changed = here.ask("DELETE", "state", Changed, group=named)
    _told(json, "Cleared", named, changed.number)
    return 0


def _groups(here: heres.Here, limit: int, json: bool) -> int:
    page = here.get("state", GroupPage, limit=min(PAGE, limit))
    found, after = page.groups, page.next
    while after is not None and len(found) < limit:
        page = here.get("state", GroupPage, limit=min(PAGE, limit - len(found)), after=after)
        found, after = found + page.groups, page.next
    if json:
        say.data(msgspec.to_builtins(found))
    elif found:
        table(("GROUP", "KEYS"), [(one.group, str(one.keys)) for one in found], right=(1,))
    else:
        say.talk("the state holds nothing yet")
    _more(after, limit)
    return 0


def _keys(here: heres.Here, named: str, limit: int, json: bool) -> int:
    page = here.get("state", EntryPage, group=named, limit=min(PAGE, limit))
    found, after = page.entries, page.next
    while after is not None and len(found) < limit:
        page = here.get(
            "state", EntryPage, group=named, limit=min(PAGE, limit - len(found)), after=after
        )
        found, after = found + page.entries, page.next
    if json:
        say.data([{"key": one.key, "value": one.value} for one in found])
    elif found:
        rows = [(one.key, say.clipped(shown(one.value), VALUE_COLUMNS)) for one in found]
        table(("KEY", "VALUE"), rows)
    else:
        say.talk(f"`{say.plain(named)}` holds nothing")
    _more(after, limit)
    return 0


def _more(after: str | None, limit: int) -> None:
    if after is not None:
        say.note(f"these are the first {limit}; --limit shows more")


def _told(json: bool, did: str, what: str, number: int) -> None:
    if json:
        say.data({"changed": number})
    elif number:
        say.done(did, say.plain(what))
    else:
        say.talk(f"{say.plain(what)} was not there")
