"""`wistro logout`: revoke the token at the Hub and forget it here."""

from __future__ import annotations

import os

from wistro.cli import hub as hubs
from wistro.cli import say
from wistro.hub_client import api, credentials
from wistro.hub_client.connection import Hub
from wistro.hub_client.errors import HubUnreachable, NotSignedIn


def run(hub: hubs.HubOption = None) -> int:
    """Example: wistro logout

    Takes back the token that `wistro login` was given. A token in WISTRO_TOKEN is not touched.
    """
    folder = credentials.folder(os.environ)
    at = hubs.access(hub).address
    kept = credentials.read(folder).hubs.get(str(at))
    if kept is None:
        raise NotSignedIn(f"you are not signed in to {at}", hint="There is nothing to take back.")
    try:
        asked = Hub(at, kept.token)
        me = api.me(asked)
        if me.token is not None:
            api.revoke(asked, me.token.id)
    except NotSignedIn:
        say.note("the token had ended already")
    except HubUnreachable as error:
        error.hint = "The token is kept, so that it can be revoked when the Hub is back."
        raise
    credentials.forget(folder, at)
    say.done("Signed out", say.plain(kept.email), str(at))
    say.next_step("wistro login")
    return 0
