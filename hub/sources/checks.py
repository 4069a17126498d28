"""How a build stands, set back on its commit: a check run, or a commit status where the App may set no check runs.

A Report row says that something changed; what is sent is the state at that time, again until nothing changed meanwhile.
So neither the order of the rows nor a crash between them leaves an old state standing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.db.models import Q
from django.db.models.functions import Now

from hub.common.settings import SETTINGS
from hub.common.tenancy import tenant
from hub.common.work import NotNow, work
from hub.deployments.models import ENDED, Version
from hub.sources.hosts import choose
from hub.sources.hosts.github import GitHubHost, RefusedByGitHub, call
from hub.sources.hosts.port import Host, NoAccess
from hub.sources.models import Check, Report, Source
from wistro.protocol.ids import show

log = structlog.get_logger()
TOLD = ("queued", "fetching", *ENDED)  # the stages between are the build page's
WRITE = {"checks": "write"}
STATUS = {"statuses": "write"}
CLAIM = timedelta(seconds=60)
CONCLUSIONS = {
    "ready": "success",
    "failed": "failure",
    "cancelled": "cancelled",
    "superseded": "neutral",
}
STATUSES = {"ready": "success", "failed": "failure", "cancelled": "error", "superseded": "error"}
MOST_PROBLEMS = 20


def note(sender: type[Version], version: Version, **_: Any) -> None:
    """The version moved on, in the transaction that moved it: write down that its host is to be told."""
    if version.source != "git" or version.state not in TOLD:
        return
    told = Source.objects.filter(
        project=version.project_id,
        kind="github",
        repository_id__isnull=False,
    )
    if told.exists():
        tell.hint(Report.objects.create(version=version, state=version.state))


@work(Report, lease=timedelta(minutes=2))
def tell(report: Report) -> None:
    said = None
    while (stands := _stands(report)) is not None and stands.state != said:
        try:
            _send(stands, choose.of(stands.source))
        except NoAccess as error:  # the commit, the repository or the right is gone: nobody to tell
            log.info("check.untold", version=str(stands.version.pk), why=error.message)
            return
        said = stands.state


@dataclass(frozen=True)
class Stands:
    """A version's state now, and where it is told."""

    version: Version
    state: str
    title: str
    summary: str
    url: str
    name: str
    source: Source


def _stands(report: Report) -> Stands | None:
    with tenant(report.organization_id):
        found = Version.objects.select_related("project__organization", "build")
        version = found.get(pk=report.version_id)
        project = version.project
        source = (
            Source.objects.select_related("installation")
            .filter(project=project, kind="github", repository_id__isnull=False)
            .first()
        )
        if source is None:
            return None
        page = f"{project.organization.slug}/{project.slug}/versions/{version.number}"
        return Stands(
            version=version,
            state=version.state,
            title=_title(version),
            summary=_summary(version),
            url=f"{SETTINGS.hub_url.rstrip('/')}/{page}",
            name=f"wistro: {project.slug}",
            source=source,
        )


def _title(version: Version) -> str:
    if version.state == "ready" and version.to is not None:
        return f"Version {version.number} is ready for {version.to.name}"
    if version.state in ENDED:
        return f"Version {version.number} is {version.state}"
    return f"Version {version.number} is being built"


def _summary(version: Version) -> str:
    problems = version.build.problems[:MOST_PROBLEMS]
    lines = [
        f"- `{one['code']}` {one['message']}" + (f" ({one['where']})" if one.get("where") else "")
        for one in problems
    ]
    return "\n".join(lines)[:60_000] or _title(version)


def _send(stands: Stands, host: Host) -> None:
    assert isinstance(host, GitHubHost)
    try:
        _send_check(stands, host)
    except RefusedByGitHub as error:
        if error.http_status not in (403, 422):
            raise
        log.info("check.as-status", version=str(stands.version.pk), why=error.message)
        _send_status(stands, host)


def _send_check(stands: Stands, host: GitHubHost) -> None:
    token = host.token(WRITE)
    path = f"/repos/{host.repository}/check-runs"
    body: dict[str, Any] = {
        "name": stands.name,
        "status": _status(stands.state),
        "details_url": stands.url,
        "external_id": show("version", stands.version.pk),
        "output": {"title": stands.title, "summary": stands.summary},
    }
    if stands.state in CONCLUSIONS:
        body["conclusion"] = CONCLUSIONS[stands.state]
    if (check_id := _check_id(stands, host, token)) is not None:
        call("PATCH", f"{path}/{check_id}", token=token, body=body)
        return
    made = call("POST", path, token=token, body=body | {"head_sha": stands.version.sha}).json()
    _remember(stands, made["id"])


def _status(state: str) -> str:
    return "completed" if state in CONCLUSIONS else "queued" if state == "queued" else "in_progress"


def _check_id(stands: Stands, host: GitHubHost, token: str) -> int | None:
    """The version's check run; None when this call may make it. Raises NotNow while someone else makes it."""
    with tenant(stands.version.organization_id):
        check, _ = Check.objects.get_or_create(version=stands.version)
        if check.check_id is not None:
            return check.check_id
        free = Q(claimed_until=None) | Q(claimed_until__lt=Now())
        if not Check.objects.filter(free, pk=check.pk).update(claimed_until=Now() + CLAIM):
            raise NotNow(after=timedelta(seconds=2))
    made = _made_before(stands, host, token)  # by a worker that died before it could say so
    if made is not None:
        _remember(stands, made)
    return made


def _made_before(stands: Stands, host: GitHubHost, token: str) -> int | None:
    path = f"/repos/{host.repository}/commits/{stands.version.sha}/check-runs?per_page=100"
    mine = show("version", stands.version.pk)
    for one in call("GET", path, token=token).json()["check_runs"]:
        if one.get("external_id") == mine:
            return int(one["id"])
    return None


def _remember(stands: Stands, check_id: int) -> None:
    with tenant(stands.version.organization_id):
        Check.objects.filter(version=stands.version).update(check_id=check_id, claimed_until=None)


def _send_status(stands: Stands, host: GitHubHost) -> None:
    token = host.token(STATUS)
    body = {
        "state": STATUSES.get(stands.state, "pending"),
        "target_url": stands.url,
        "description": stands.title[:140],
        "context": stands.name,
    }
    path = f"/repos/{host.repository}/statuses/{stands.version.sha}"
    call("POST", path, token=token, body=body)
