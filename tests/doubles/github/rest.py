"""The HTTP API, as far as a GitHub App uses it: docs.github.com/en/rest (apps, git, checks, commits)."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from tests.doubles.github import repositories, tokens
from tests.doubles.github.server import Asked, Refused, Said, route, say
from tests.doubles.github.state import (
    TOKEN_LASTS_S,
    App,
    Change,
    Installation,
    Repository,
    State,
    Token,
)

API = "/api/v3"
STATUSES = ("error", "failure", "pending", "success")
CONCLUSIONS = (
    "action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out",
)  # fmt: skip


def show_repository(repository: Repository) -> dict[str, Any]:
    return {
        "id": repository.id,
        "name": repository.name,
        "full_name": repository.full_name,
        "private": repository.private,
        "default_branch": repository.default_branch,
        "owner": {"login": repository.owner},
    }


def show_installation(state: State, one: Installation) -> dict[str, Any]:
    app = state.apps[one.app_id]
    return {
        "id": one.id,
        "app_id": one.app_id,
        "app_slug": app.slug,
        "account": {"login": one.account, "type": "Organization"},
        "permissions": app.permissions,
        "repository_selection": "all" if one.takes_all else "selected",
        "suspended_at": _at(time.time()) if one.suspended else None,
    }


def _at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def paged(state: State, asked: Asked, items: list[Any], wrap: str | None = None) -> Said:
    """One page, with `link` to the next as GitHub does it."""
    size = min(int(asked.query.get("per_page", "30")), 100)
    page = int(asked.query.get("page", "1"))
    shown = items[(page - 1) * size : page * size]
    headers = {}
    if page * size < len(items):
        query = urlencode(asked.query | {"page": str(page + 1)})
        headers["link"] = f'<{state.url}{asked.path}?{query}>; rel="next"'
    return say({"total_count": len(items), wrap: shown} if wrap else shown, **headers)


@route("POST", f"{API}/app-manifests/{{code}}/conversions")
def convert(state: State, asked: Asked) -> Said:
    code = state.use_code(asked.at["code"], of_user=False)
    if code is None:
        raise Refused(404, "Not Found")
    app = state.apps[code.app_id]
    kept = ("id", "slug", "name", "client_id", "client_secret", "webhook_secret", "pem")
    told = {name: getattr(app, name) for name in kept}
    told |= {"owner": {"login": app.owner}, "html_url": f"{state.url}/apps/{app.slug}"}
    return say(told | {"permissions": app.permissions}, 201)


@route("GET", f"{API}/app")
def the_app(state: State, asked: Asked) -> Said:
    app = tokens.app_of(state, asked)
    return say({"id": app.id, "slug": app.slug, "name": app.name, "client_id": app.client_id})


def _installation(state: State, app: App, asked: Asked) -> Installation:
    text = asked.at["installation"]
    found = state.installations.get(int(text)) if text.isdigit() else None
    if found is None or found.app_id != app.id:
        raise Refused(404, "Not Found")
    return found


@route("GET", f"{API}/app/installations/{{installation}}")
def one_installation(state: State, asked: Asked) -> Said:
    found = _installation(state, tokens.app_of(state, asked), asked)
    return say(show_installation(state, found))


@route("POST", f"{API}/app/installations/{{installation}}/access_tokens")
def access_token(state: State, asked: Asked) -> Said:
    app = tokens.app_of(state, asked)
    installation, wish = _installation(state, app, asked), asked.json()
    if installation.suspended:
        raise Refused(403, "This installation has been suspended")
    every = state.in_installation(installation)
    chosen = set(wish.get("repository_ids") or [])
    for name in wish.get("repositories") or []:
        found = state.called(f"{installation.account}/{name}")
        chosen.add(found.id if found else -1)
    if chosen - every:
        raise Refused(
            422,
            "There is at least one repository that does not exist or is not accessible to the parent installation.",
        )
    permissions = wish.get("permissions") or app.permissions
    for name, level in permissions.items():
        has = app.permissions.get(name)
        if has is None or (level == "write" and has != "write"):
            raise Refused(422, "The permissions requested are not granted to this installation.")
    text, token = make_token(state, installation, chosen or every, permissions)
    told = {"expires_at": _at(token.expires_at), "permissions": token.permissions}
    return say({"token": text, **told}, 201)


def make_token(
    state: State, installation: Installation, repositories: set[int], permissions: dict[str, str]
) -> tuple[str, Token]:
    text = f"ghs_{secrets.token_hex(18)}"
    until = time.time() + TOKEN_LASTS_S
    token = Token(installation.id, repositories, {"metadata": "read"} | permissions, until)
    state.tokens[text] = token
    return text, token


@route("GET", f"{API}/installation/repositories")
def installation_repositories(state: State, asked: Asked) -> Said:
    token, installation = tokens.installation_of(state, asked)
    found = [
        show_repository(one)
        for one in sorted(state.repositories.values(), key=lambda one: one.full_name)
        if tokens.sees(state, token, installation, one)
    ]
    return paged(state, asked, found, "repositories")


@route("GET", f"{API}/repos/{{owner}}/{{name}}")
@route("GET", f"{API}/repositories/{{id}}")
def repository(state: State, asked: Asked) -> Said:
    return say(show_repository(tokens.repository_of(state, asked, "metadata:read")[0]))


@route("GET", f"{API}/repos/{{owner}}/{{name}}/git/matching-refs/{{prefix*}}")
def matching_refs(state: State, asked: Asked) -> Said:
    found, _ = tokens.repository_of(state, asked, "contents:read")
    heads = repositories.heads(state.bare(found))
    if not heads:
        raise Refused(409, "Git Repository is empty.")
    refs = [
        {"ref": ref, "object": {"type": "commit", "sha": sha}}
        for ref, sha in sorted(heads.items())
        if ref.startswith(f"refs/{asked.at['prefix']}")
    ]
    return paged(state, asked, refs)


@route("GET", f"{API}/repos/{{owner}}/{{name}}/commits/{{sha}}")
def commit(state: State, asked: Asked) -> Said:
    found, _ = tokens.repository_of(state, asked, "contents:read")
    sha = _commit_in(state, found, asked.at["sha"])
    read = repositories.read(state.bare(found), sha)
    author = {"name": read.author, "email": read.email, "date": read.at}
    return say(
        {"sha": sha, "commit": {"message": read.message, "author": author, "committer": author}}
    )


def _commit_in(state: State, found: Repository, sha: Any) -> str:
    is_sha = isinstance(sha, str) and len(sha) == 40 and set(sha) <= set("0123456789abcdef")
    if not is_sha or not repositories.has(state.bare(found), sha):
        raise Refused(422, f"No commit found for SHA: {sha}")
    return sha


@route("POST", f"{API}/repos/{{owner}}/{{name}}/check-runs")
def make_check(state: State, asked: Asked) -> Said:
    found, installation = tokens.repository_of(state, asked, "checks:write")
    said = asked.json()
    if not said.get("name"):
        raise Refused(422, 'Invalid request. "name" wasn\'t supplied.')
    sha = _commit_in(state, found, said.get("head_sha"))
    made = Change("check", state.next_id(), found.full_name, sha, installation.app_id)
    made.history.append(_check(said))
    state.changes.append(made)
    return say({"id": made.id, "head_sha": sha, **made.now}, 201)


@route("GET", f"{API}/repos/{{owner}}/{{name}}/commits/{{sha}}/check-runs")
def checks_of(state: State, asked: Asked) -> Said:
    found, _ = tokens.repository_of(state, asked, "checks:read")
    mine = [
        {"id": one.id, "head_sha": one.sha, **one.now}
        for one in state.changes
        if (one.kind, one.repository, one.sha) == ("check", found.full_name, asked.at["sha"])
    ]
    return paged(state, asked, mine, "check_runs")


@route("PATCH", f"{API}/repos/{{owner}}/{{name}}/check-runs/{{check}}")
def change_check(state: State, asked: Asked) -> Said:
    found, installation = tokens.repository_of(state, asked, "checks:write")
    for one in state.changes:
        if (one.kind, str(one.id), one.repository) == ("check", asked.at["check"], found.full_name):
            if one.app_id != installation.app_id:
                raise Refused(
                    403,
                    "Invalid app_id `%s` - check run can only be modified by the GitHub App that created it.",
                )
            one.history.append(_check(asked.json()))
            return say({"id": one.id, "head_sha": one.sha, **one.now})
    raise Refused(404, "Not Found")


def _check(said: dict[str, Any]) -> dict[str, Any]:
    if said.get("status") not in ("queued", "in_progress", "completed"):
        raise Refused(422, "Invalid request. status")
    if said["status"] == "completed" and said.get("conclusion") not in CONCLUSIONS:
        raise Refused(422, "Invalid request. conclusion")
    output = said.get("output")
    if output is not None and not (output.get("title") and "summary" in output):
        raise Refused(422, "Invalid request. output")
    return said


@route("POST", f"{API}/repos/{{owner}}/{{name}}/statuses/{{sha}}")
def make_status(state: State, asked: Asked) -> Said:
    found, installation = tokens.repository_of(state, asked, "statuses:write")
    said, sha = asked.json(), _commit_in(state, found, asked.at["sha"])
    if said.get("state") not in STATUSES or len(said.get("description") or "") > 140:
        raise Refused(422, "Validation Failed")
    made = Change("status", state.next_id(), found.full_name, sha, installation.app_id, [said])
    state.changes.append(made)
    return say({"id": made.id, **said}, 201)


@route("GET", f"{API}/user/installations")
def user_installations(state: State, asked: Asked) -> Said:
    """Those of the App that the user authorized, on accounts that are the user's."""
    login, app_id = tokens.user_of(state, asked)
    accounts = state.users[login].accounts
    found = [
        show_installation(state, one)
        for one in state.installations.values()
        if one.app_id == app_id and one.account in accounts
    ]
    return paged(state, asked, found, "installations")


@route("GET", f"{API}/user")
def the_user(state: State, asked: Asked) -> Said:
    return say({"login": tokens.user_of(state, asked)[0]})


@route("GET", f"{API}/user/installations/{{installation}}/repositories")
def user_repositories(state: State, asked: Asked) -> Said:
    """Those of an installation that the user may see."""
    login, app_id = tokens.user_of(state, asked)
    user, installation = state.users[login], _installation(state, state.apps[app_id], asked)
    if installation.account not in user.accounts:
        raise Refused(404, "Not Found")
    found = [
        show_repository(state.repositories[one])
        for one in sorted(state.in_installation(installation))
        if user.sees is None or state.repositories[one].full_name in user.sees
    ]
    return paged(state, asked, found, "repositories")
