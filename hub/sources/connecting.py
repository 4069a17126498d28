"""Connecting a project: the way through GitHub's pages with its one-time states, choosing a repository, any git URL."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models.functions import Now

from hub import live
from hub.accounts.models import User
from hub.common import doors, safe_http
from hub.common.api.errors import Conflict, Invalid
from hub.common.sealing import seal
from hub.common.settings import SETTINGS
from hub.common.tenancy import tenant
from hub.deployments.models import Version
from hub.projects.models import Project
from hub.sources import app, authorizing, reading
from hub.sources.hosts import github
from hub.sources.hosts.git import GitHost
from hub.sources.hosts.github import RefusedByGitHub
from hub.sources.models import BRANCH_LONGEST, ConnectState, Installation, Source
from wistro.errors import UserError

STATE_LASTS = timedelta(minutes=15)
APP, INSTALL = "app", "install"
WAY = "github_project"  # in the session: whose way through GitHub's pages was begun last
MOST_PICKS = 50


class StateRefused(UserError):
    """The way through GitHub's pages does not belong to this browser, was gone before, or took too long."""

    code = "source.state"
    hint = "Begin again: Connect GitHub, in the project's settings."
    status = 403


class NotYourInstallation(UserError):
    """GitHub does not say that this user may use the installation that was named."""

    code = "source.not-your-installation"
    hint = "Sign in at GitHub as someone who may use it, and begin again."
    status = 403


class NotInInstallation(Invalid):
    """A repository that no installation of this organization has."""

    code = "source.repository"
    hint = "Give the App access to it on GitHub (Change the installation), and authorize it again: only what you may see there is listed."


def begin(project: Project, user: User, session: str) -> str:
    """Where the browser goes: to make the App, to install it, or back at once when it is installed here already."""
    if (found := app.current()) is None:
        if not app.may_be_made():
            raise app.NoApp("This Hub has no GitHub App")
        state = new_state(project, user, session, purpose=APP)
        return f"{ours()}/github/new?{urlencode({'state': state})}"
    is_known = Installation.objects.filter(gone_at=None, host=SETTINGS.github_url).exists()
    if is_known and not Source.objects.filter(project=project, kind="github").exists():
        use_github(project, by=user)
        return back_to(project)
    state = new_state(project, user, session, purpose=INSTALL)
    return install_url(found.slug, state)


def ours() -> str:
    return SETTINGS.hub_url.rstrip("/")


def install_url(slug: str, state: str) -> str:
    return f"{SETTINGS.github_url}/apps/{slug}/installations/new?{urlencode({'state': state})}"


def back_to(project: Project) -> str:
    """The page that waits for the first push, or the settings once there was one."""
    organization = project.organization.slug
    if Version.objects.filter(project=project).exists():
        return f"{ours()}/{organization}/{project.slug}/settings"
    return f"{ours()}/new?{urlencode({'in': organization, 'project': project.slug})}"


def new_state(
    project: Project, user: User, session: str, *, purpose: str, picked: int | None = None
) -> str:
    text = secrets.token_urlsafe(32)
    ConnectState.objects.create(
        sha256=_sha256(text), purpose=purpose, project=project, user=user,
        session=_sha256(session).hex(), expires_at=Now() + STATE_LASTS, picked=picked,
    )  # fmt: skip
    return text


def check_state(text: str, user: User, session: str, *, purpose: str, use: bool) -> ConnectState:
    """The state, if it is this browser's and was not used; `use` takes it. Raises StateRefused, one for all reasons."""
    refused = StateRefused("This way through GitHub's pages cannot go on here")
    sha256 = _sha256(text)
    for (organization_id,) in doors.rows("connect_state", sha256):
        with tenant(organization_id):
            mine = ConnectState.objects.filter(
                sha256=sha256, purpose=purpose, user=user, session=_sha256(session).hex(),
                used_at=None, expires_at__gt=Now(),
            )  # fmt: skip
            found = mine.select_related("project__organization", "user").first()
            is_taken = not use or mine.update(used_at=Now()) == 1
        if found is None or not is_taken:
            raise refused
        if doors.organization_of("project", found.project_id, user.pk) is None:
            raise refused
        return found
    raise refused


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def installed(state: ConnectState, *, installation: str, code: str) -> None:
    """The browser is back from installing: believe GitHub, not the address it came with."""
    credentials = app.needed()
    if not installation.isdecimal() or len(installation) > 18:
        raise NotYourInstallation("GitHub named no installation")
    id = int(installation)
    try:
        found = github.as_app(credentials, "GET", f"/app/installations/{id}")
    except RefusedByGitHub as error:
        if error.http_status != 404:
            raise
        raise NotYourInstallation("The App has no such installation") from error
    token = authorizing.token_of(credentials, code)
    if token is None or all(one["id"] != id for one in authorizing.installations_of(token)):
        raise NotYourInstallation("GitHub does not say that you may use this installation")
    seen = authorizing.seen_in(found, token)
    with tenant(state.organization_id):
        _adopt(found, seen, by=state.user)
        use_github(state.project, by=state.user)


def _adopt(found: Mapping[str, Any], seen: list[int] | None, *, by: User) -> None:
    """Write the installation down; what several members may see adds up."""
    row, is_new = Installation.objects.select_for_update(of=("self",)).get_or_create(
        host=SETTINGS.github_url,
        installation_id=found["id"],
        defaults={"account": "", "repository_ids": seen},
    )
    if not is_new and row.repository_ids is not None:
        row.repository_ids = None if seen is None else sorted({*row.repository_ids, *seen})
    row.account = str(found["account"]["login"])[:100]
    row.verified_by, row.verified_at = by, Now()
    row.suspended_at = Now() if found.get("suspended_at") else None
    row.gone_at = None
    row.save()


@dataclass(frozen=True)
class Pick:
    """An account where the App is installed, and the address that connects it."""

    account: str
    url: str


def picks(state: ConnectState, session: str, code: str) -> list[Pick]:
    """The installations that the user who came back with this code may use, each with a way of its own to connect it."""
    credentials = app.needed()
    if (token := authorizing.token_of(credentials, code)) is None:
        raise NotYourInstallation("GitHub does not say who you are there")
    found = authorizing.installations_of(token)
    with tenant(state.organization_id):
        return [
            Pick(str(one["account"]["login"]), authorizing.authorize_url(credentials, text))
            for one in found[:MOST_PICKS]
            for text in [
                new_state(
                    state.project, state.user, session, purpose=INSTALL, picked=int(one["id"])
                )
            ]
        ]


def use_github(project: Project, *, by: User) -> None:
    """The project's code is on GitHub from now on; which repository is chosen next. One that is chosen stays."""
    source = Source.objects.select_for_update(of=("self",)).filter(project=project).first()
    if source is not None and source.kind == "github":
        reading.soon(source)
        return
    if source is not None:
        source.delete()
    Source.objects.create(project=project, kind="github", connected_by=by, read_due_at=None)
    live.publish("source", project.pk)


def installations() -> list[Installation]:
    """Of the scope's organization, those that work."""
    alive = Installation.objects.filter(host=SETTINGS.github_url, gone_at=None, suspended_at=None)
    return list(alive.order_by("pk"))


def repositories(of: Sequence[Installation]) -> list[tuple[dict[str, Any], Installation]]:
    """What these installations have and a member here may see, by name. Asks GitHub: not inside a transaction."""
    credentials = app.needed()
    found = [
        (one, installation)
        for installation in of
        for one in github.repositories(credentials, installation.installation_id)
        if installation.repository_ids is None or one["id"] in installation.repository_ids
    ]
    return sorted(found, key=lambda pair: str(pair[0]["full_name"]).lower())


def choose(project_id: UUID, repository: str, *, by: User, organization_id: UUID) -> Source:
    """Connect the project to this repository of an installation. Raises NotInInstallation."""
    with tenant(organization_id):
        known = installations()
    wanted = (
        pair
        for pair in repositories(known)
        if str(pair[0]["full_name"]).lower() == repository.lower()
    )
    if (found := next(wanted, None)) is None:
        raise NotInInstallation(
            f"No installation here has {repository[:200]}", fields={"repository": "not there"}
        )
    one, installation = found
    with tenant(organization_id):
        project = Project.objects.select_for_update(of=("self",)).get(pk=project_id)
        source = Source.objects.filter(project=project).first()
        if source is not None and source.repository_id == one["id"]:
            source.installation = installation
            source.save(update_fields=["installation"])
        else:
            if source is not None:
                source.delete()
            source = Source.objects.create(
                project=project, kind="github", repository=one["full_name"], repository_id=one["id"],
                default_branch=one["default_branch"], installation=installation, connected_by=by,
            )  # fmt: skip
        reading.soon(source)
        live.publish("source", project.pk)
        return source


def connect_git(
    project_id: UUID, url: str, branch: str, *, by: User, organization_id: UUID
) -> tuple[Source, str]:
    """Connect the project to any git URL, if its refs can be read; the source, and its webhook's secret, once."""
    safe_http.checked(url)
    refs = GitHost(url).refs()
    default = branch or refs.default_branch or "main"
    if branch and refs.heads and branch not in refs.heads:
        raise Invalid(
            f"The repository has no branch {branch[:BRANCH_LONGEST]}",
            fields={"branch": "There is no such branch"},
        )
    secret = secrets.token_urlsafe(32)
    with tenant(organization_id):
        project = Project.objects.select_for_update(of=("self",)).get(pk=project_id)
        source = Source.objects.filter(project=project).first()
        if source is None or source.url != url:
            if source is not None:
                source.delete()
            source = Source(project=project, kind="git", url=url, connected_by=by)
        source.default_branch = default
        source.sealed = seal(secret.encode(), bound_to=source.bound_to)
        source.save()
        reading.soon(source)
        live.publish("source", project.pk)
        source.refresh_from_db()
        return source, secret


class NotConnected(Conflict):
    """The project has no repository."""

    code = "source.none"
    hint = "Connect one in the project's settings."


def the_source(project: Project) -> Source:
    """Raises NotConnected."""
    found = Source.objects.select_related("installation").filter(project=project).first()
    if found is None:
        raise NotConnected("The project has no repository")
    return found


def disconnect(project: Project) -> None:
    the_source(project).delete()
    live.publish("source", project.pk)
