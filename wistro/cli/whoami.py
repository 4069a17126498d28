"""`wistro whoami`: who is signed in at which Hub."""

from __future__ import annotations

from wistro.cli import hub as hubs
from wistro.cli import say
from wistro.hub_client import api


def run(hub: hubs.HubOption = None, json: hubs.JsonOption = False) -> int:
    """Example: wistro whoami"""
    asked = hubs.signed_in(hub)
    me = api.me(asked)
    if json:
        say.data(
            {
                "hub": str(asked.address),
                "email": me.user.email,
                "organizations": [one.slug for one in me.organizations],
                "scopes": me.token.scopes if me.token else [],
                "expires_at": me.token.expires_at if me.token else None,
            }
        )
        return 0
    say.out(f"{say.plain(me.user.email)} at {asked.address}")
    organizations = ", ".join(f"{one.slug} ({one.role})" for one in me.organizations)
    say.detail(say.plain(f"organizations: {organizations or 'none'}"))
    if me.token is not None:
        say.detail(f"token: {', '.join(me.token.scopes)}; until {(me.token.expires_at or '')[:10]}")
    say.next_step("wistro link")
    return 0
