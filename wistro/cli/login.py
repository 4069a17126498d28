"""`wistro login`: sign in to the Hub through a browser."""

from __future__ import annotations

import os
import secrets
import sys
import webbrowser
from typing import Annotated

import typer

from wistro.cli import hub as hubs
from wistro.cli import say
from wistro.errors import UserError
from wistro.hub_client import api, credentials
from wistro.hub_client.connection import Hub
from wistro.hub_client.credentials import Kept
from wistro.hub_client.errors import NotSignedIn
from wistro.hub_client.login import WAIT_S, Loopback


def run(
    hub: hubs.HubOption = None,
    browser: Annotated[
        bool,
        typer.Option("--browser/--no-browser", help="Open a browser, or only say the address."),
    ] = True,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long to wait for the browser.", min=1)
    ] = WAIT_S,
) -> int:
    """Example: wistro login --hub https://hub.example.com

    The Hub asks in your browser whether this terminal may act for you. Its token is kept in
    ~/.config/wistro, readable by you alone; `wistro logout` takes it back.
    """
    at = hubs.access(hub).address
    asked = Hub(at)
    before = credentials.read(credentials.folder(os.environ)).hubs.get(str(at))
    with Loopback(asked, random=secrets.token_urlsafe) as login:
        _lead_to(login.address, opens=browser)
        given = login.wait(timeout)
    me = api.me(Hub(at, given.access_token))
    kept = Kept(given.access_token, me.user.email, me.token.id if me.token else "")
    credentials.keep(credentials.folder(os.environ), at, kept)
    if before is not None:
        _take_back(Hub(at, before.token), before.id)
    say.done("Signed in", say.plain(me.user.email), str(at))
    if os.environ.get("WISTRO_TOKEN"):
        say.note("WISTRO_TOKEN is set and comes before this login")
    say.next_step("wistro link")
    return 0


def _lead_to(address: str, *, opens: bool) -> None:
    if opens and has_browser() and webbrowser.open(address):
        say.talk("Your browser asks whether this terminal may act for you. If none opened:")
    else:
        say.talk("Open this address in a browser on this machine:")
    say.link(address)


def has_browser() -> bool:
    """A text browser would take this terminal over."""
    if sys.platform == "darwin" or os.environ.get("BROWSER"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _take_back(old: Hub, token_id: str) -> None:
    """The token that this login replaces; one that has ended needs no taking back."""
    try:
        api.revoke(old, token_id or _id_of(old))
    except NotSignedIn:
        pass
    except UserError as error:
        say.note(f"the token before could not be revoked: {error.message}")


def _id_of(hub: Hub) -> str:
    me = api.me(hub)
    return me.token.id if me.token else ""
