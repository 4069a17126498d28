"""What a test asks of the double, under /_control/ with the token that the process was started with."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from typing import Any

from tests.doubles.github import deliveries, pages, repositories, rest, tokens
from tests.doubles.github.deliveries import OUTBOX, Delivery
from tests.doubles.github.rest import show_repository
from tests.doubles.github.server import Asked, Refused, Said, route, say
from tests.doubles.github.state import Repository, State, User

TOKEN = os.environ.get("DOUBLE_CONTROL") or secrets.token_hex(16)
Ask = Callable[[State, dict[str, Any]], Any]
_ASKS: dict[str, Ask] = {}


def control(ask: Ask) -> Ask:
    _ASKS[ask.__name__] = ask
    return ask


@route("POST", "/_control/{ask}", unlocked=True)
def asked_for(state: State, asked: Asked) -> Said:
    if not secrets.compare_digest(tokens.bearer(asked), TOKEN) or asked.at["ask"] not in _ASKS:
        raise Refused(404, "Not Found")
    body = asked.json()
    if asked.at["ask"] == "wait":
        return say(OUTBOX.wait(timeout_s=body["timeout_s"]))
    with state.lock:
        return say(_ASKS[asked.at["ask"]](state, body))


def the(state: State, full_name: str) -> Repository:
    if (found := state.called(full_name)) is None:
        raise Refused(404, f"no repository {full_name}")
    return found


@control
def wait(state: State, body: dict[str, Any]) -> None:
    raise AssertionError("answered without the lock")


@control
def repository(state: State, body: dict[str, Any]) -> dict[str, Any]:
    owner, name = body["full_name"].split("/")
    made = Repository(state.next_id(), owner, name, body["private"], body["default_branch"])
    state.repositories[made.id] = made
    repositories.make(state.bare(made), branch=made.default_branch)
    return show_repository(made)


@control
def rename(state: State, body: dict[str, Any]) -> None:
    found = the(state, body["full_name"])
    state.old_names[found.full_name] = found.id
    found.name = body["name"]


@control
def push(state: State, body: dict[str, Any]) -> str:
    """A new commit on a branch, or the branch moved to `sha`, or removed; told by webhook. Its id."""
    found, branch = the(state, body["full_name"]), body["branch"]
    bare = state.bare(found)
    before = repositories.heads(bare).get(f"refs/heads/{branch}", repositories.ZERO)
    if body.get("files") is not None:
        message, onto = body["message"], body.get("onto")
        sha = repositories.push(bare, branch, body["files"], message=message, onto=onto)
    else:
        sha = body.get("sha")
        repositories.move(bare, branch, sha)
    _tell_push(state, found, branch, before, sha)
    return sha or repositories.ZERO


def _tell_push(
    state: State, found: Repository, branch: str, before: str, after: str | None
) -> None:
    head = repositories.read(state.bare(found), after) if after else None
    shown = head and {
        "id": head.sha,
        "message": head.message,
        "timestamp": head.at,
        "author": {"name": head.author, "email": head.email},
    }
    for installation in state.installations_with(found):
        deliveries.tell(
            state, "push", installation,
            ref=f"refs/heads/{branch}", before=before, after=after or repositories.ZERO,
            created=before == repositories.ZERO, deleted=after is None, forced=False,
            head_commit=shown, repository=show_repository(found),
        )  # fmt: skip


@control
def user(state: State, body: dict[str, Any]) -> None:
    state.users[body["login"]] = User(body["login"], body["accounts"], body.get("sees"))
    if body["sign_in"]:
        state.signed_in = body["login"]


@control
def make_app(state: State, body: dict[str, Any]) -> dict[str, Any]:
    app = state.make_app(body["manifest"])
    return {"id": app.id, "slug": app.slug, "code": state.make_code(app, user=None)}


@control
def install(state: State, body: dict[str, Any]) -> int:
    app = state.apps[body["app_id"]]
    chosen = {the(state, one).id for one in body["repositories"]}
    made, _ = pages.install_on(state, app, body["account"], chosen, takes_all=False)
    return made.id


@control
def change_installation(state: State, body: dict[str, Any]) -> None:
    """Suspend it, remove it, or take a repository out of it; told by webhook."""
    one, change = state.installations[body["id"]], body["change"]
    if change == "delete":
        deliveries.tell(state, "installation", one, action="deleted")
        del state.installations[one.id]
    elif change in ("suspend", "unsuspend"):
        one.suspended = change == "suspend"
        deliveries.tell(state, "installation", one, action=change)
    else:
        found = the(state, change)
        one.repositories, one.takes_all = state.in_installation(one) - {found.id}, False
        removed = [show_repository(found)]
        deliveries.tell(
            state, "installation_repositories", one, action="removed",
            repositories_added=[], repositories_removed=removed,
        )  # fmt: skip


@control
def user_code(state: State, body: dict[str, Any]) -> str:
    return state.make_code(state.apps[body["app_id"]], user=body["login"])


@control
def token(state: State, body: dict[str, Any]) -> str:
    one = state.installations[body["installation"]]
    return rest.make_token(state, one, state.in_installation(one), {"contents": "read"})[0]


@control
def expire_tokens(state: State, body: dict[str, Any]) -> None:
    for token in state.tokens.values():
        token.expires_at = 0


@control
def permissions(state: State, body: dict[str, Any]) -> None:
    """What every App may do from now on, as when its owner takes a permission away."""
    for app in state.apps.values():
        app.manifest["default_permissions"] = body["permissions"]


@control
def fail(state: State, body: dict[str, Any]) -> None:
    state.failing = body["requests"]


@control
def changes(state: State, body: dict[str, Any]) -> list[dict[str, Any]]:
    names = ("kind", "id", "repository", "sha", "history", "now")
    return [{name: getattr(one, name) for name in names} for one in state.changes]


@control
def asked(state: State, body: dict[str, Any]) -> list[list[str]]:
    return [list(one) for one in state.asked]


@control
def hold(state: State, body: dict[str, Any]) -> None:
    OUTBOX.is_held = body["is_held"]


@control
def drop_next(state: State, body: dict[str, Any]) -> None:
    OUTBOX.drops = body["count"]


@control
def sent(state: State, body: dict[str, Any]) -> list[dict[str, Any]]:
    return [one.show() for one in OUTBOX.all]


@control
def deliver(state: State, body: dict[str, Any]) -> None:
    """Send these again, in this order; whatever was their fate."""
    by_id: dict[str, Delivery] = {one.id: one for one in OUTBOX.all}
    for id in body["ids"]:
        OUTBOX.send(by_id[id])
