"""The Hub, for who uses one: is it reached, is somebody signed in, is the folder's project there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from wistro.doctor.finding import Finding, bad, good, note
from wistro.errors import UserError
from wistro.hub_client import api, credentials, link
from wistro.hub_client.connection import Hub


def every(root: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    name = "hub"
    try:
        linked = link.read(root)
        found = credentials.access(environ, linked=linked.hub if linked else None)
    except UserError as error:
        yield bad(name, error.message, error.hint or "")
        return
    if found.token is None:
        if linked is not None:
            says = f"this folder is {linked.name} of {linked.hub}, and you are not signed in"
            yield note(name, says, f"Run `wistro login --hub {linked.hub}`.")
        else:
            yield good(name, "not used: nobody is signed in, the folder is not linked")
        return
    hub = Hub(found.address, found.token)
    try:
        me = api.me(hub)
        yield good(name, f"{me.user.email} at {found.address}")
        if linked is not None:
            api.project(hub, linked.organization, linked.project)
            yield good("link", f"this folder is {linked.name}")
    except UserError as error:
        yield bad(name, error.message, error.hint or "Run `wistro login`.")
