"""What the commands that talk to the Hub share: who asks, which project, which environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from wistro.cli import say
from wistro.errors import UserError
from wistro.hub_client import address, api, credentials, link
from wistro.hub_client.connection import Hub
from wistro.hub_client.errors import NotSignedIn
from wistro.hub_client.shapes import Project

HubOption = Annotated[
    str | None, typer.Option("--hub", metavar="URL", help="The Hub; else WISTRO_HUB_URL.")
]
ProjectOption = Annotated[
    str | None,
    typer.Option("--project", "-p", metavar="ORG/PROJECT", help="Instead of the folder's own."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Say it as JSON on stdout.")]
USUAL_ENVIRONMENT = "dev"


class NoProject(UserError):
    """Nothing says which project of the Hub a folder is."""

    code = "link.none"
    hint = "Run `wistro link`, or name it: --project acme/shop."


def access(hub: str | None, folder: Path | None = None) -> credentials.Access:
    linked = None if hub else link.read((folder or Path()).resolve())
    return credentials.access(os.environ, hub=hub, linked=linked.hub if linked else None)


def signed_in(hub: str | None, folder: Path | None = None) -> Hub:
    """The Hub as whoever is signed in. Raises NotSignedIn before anything is asked."""
    found = access(hub, folder)
    if found.token is None:
        raise NotSignedIn(f"you are not signed in to {found.address}")
    return Hub(found.address, found.token)


def project(hub: Hub, named: str | None, folder: Path | None = None) -> Project:
    """`--project`, else the folder's link, else asked for on a terminal. Raises NoProject, NoSuchProject."""
    if named is not None:
        return api.project(hub, *link.parse(named))
    root = (folder or Path()).resolve()
    linked = link.read(root)
    if linked is not None and address.read(linked.hub) == hub.address:
        return api.project(hub, linked.organization, linked.project)
    if linked is not None:
        raise NoProject(
            f"this folder is {linked.name} of {linked.hub}, and you ask {hub.address}",
            hint="Run `wistro link` here again, or name the project: --project acme/shop.",
        )
    if not can_ask():
        raise NoProject("this folder is not linked to a project of the Hub")
    return choose(hub, root)


def choose(hub: Hub, root: Path) -> Project:
    """Ask on the terminal which of one's projects the folder is, and remember it."""
    known = [
        project
        for organization in api.me(hub).organizations
        for project in api.projects(hub, organization.slug)
    ]
    if not known:
        raise NoProject("you have no project yet", hint=f"Make one at {hub.address}/new.")
    say.talk("Which project is this folder?")
    for number, one in enumerate(known, 1):
        say.talk(f"  {number}  {say.plain(one.label)}  {say.plain(one.name)}")
    found = known[_number("Number", most=len(known)) - 1]
    remember(root, hub, found)
    return found


def remember(root: Path, hub: Hub, found: Project) -> None:
    link.write(root, link.Link(str(hub.address), found.organization.slug, found.slug))
    say.done("Linked", f"{say.plain(found.label)}", link.NAME)


def can_ask() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _number(question: str, *, most: int) -> int:
    """Asked for again until it is one of the list; Ctrl-C and the end of input leave."""
    while True:
        text = str(typer.prompt(question, err=True)).strip()
        if text.isascii() and text.isdecimal() and 1 <= int(text) <= most:
            return int(text)
        say.talk(f"`{say.plain(text)}` is no number from 1 to {most}")
