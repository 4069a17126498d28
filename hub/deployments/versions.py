"""Making versions, and what a builder's word makes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Max
from django.db.models.functions import Now

from hub import live
from hub.accounts.models import User
from hub.common import doors
from hub.common.api.errors import Conflict, Invalid
from hub.common.tenancy import tenant
from hub.deployments import blobs, deploying, fetching
from hub.deployments.models import ENDED, Build, BuildLine, Deployment, Version
from hub.deployments.signals import version_changed
from hub.projects.models import Environment, Project
from wistro.errors import UserError
from wistro.lock import diff
from wistro.lock import file as lock_file
from wistro.lock.model import Lock
from wistro.protocol.machine import BuildProgress, BuildResult, Problem
from wistro.protocol.routing import Endpoint

LEASE = timedelta(seconds=30)
TRIES = 3
WORKING = ("fetching", "installing", "compiling", "uploading")
LINES_MOST = 20_000  # of one attempt: a build that prints for ever must not fill the disk
PROBLEMS_MOST = 100
CUT = f"… a log keeps {LINES_MOST} lines"
EVENTS_KEY = "events_key"  # an `auth` of ours: whoever holds a key of the environment
FAR_AWAY = 10  # builds looked at for one claim: the first few may be locked by other claims


class NotUploaded(Invalid):
    """A deploy names a bundle, or files in it, that were not sent."""

    code = "deploy.not-uploaded"
    hint = "Send what /blobs/missing names, then the bundle itself; `wistro deploy` does all of it."


class AlreadyEnded(Conflict):
    """The build has ended; it cannot be cancelled any more."""

    code = "build.ended"


def environment_for(project: Project, *, branch: str, default_branch: str) -> Environment | None:
    """Where a push goes: the default branch to prod, one named like an environment there, others nowhere."""
    name = "prod" if branch == default_branch else branch
    return Environment.objects.filter(project=project, name=name).first()


def push(
    project: Project,
    *,
    branch: str,
    sha: str,
    telling: str,
    to: Environment | None,
    message: str = "",
    author: str = "",
    committed_at: datetime | None = None,
) -> Version:
    """The version of one pushed head, made once however often it is told. `telling` tells two pushes of one
    commit to one branch apart (a force-push back to it)."""
    _lock_numbers(project)
    if found := Version.objects.filter(
        project=project, branch=branch, sha=sha, push=telling, source="git"
    ).first():
        return found
    return _make(
        project, source="git", branch=branch, sha=sha, push=telling, to=to,
        message=message, author=author, committed_at=committed_at,
    )  # fmt: skip


def upload(project: Project, *, bundle: str, to: Environment, by: User) -> Version:
    """A version from a folder's files, all sent before. Raises NotUploaded."""
    if blobs.missing(project, [bundle]):
        raise NotUploaded("The bundle was not sent", fields={"bundle": bundle})
    listed = blobs.read_bundle(bundle)
    if absent := blobs.missing(project, [one.sha256 for one in listed.files]):
        raise NotUploaded(f"{len(absent)} of the bundle's files were not sent")
    _lock_numbers(project)
    return _make(project, source="upload", upload=bundle, to=to, created_by=by)


def _lock_numbers(project: Project) -> None:
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)


def _make(project: Project, **what: Any) -> Version:
    last = Version.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0
    version = Version.objects.create(project=project, number=last + 1, **what)
    Build.objects.create(version=version)
    version.refresh_from_db()
    _tell(version)
    return version


def _tell(version: Version) -> None:
    live.publish("versions", version.project_id)
    live.publish("build", version.pk)
    version_changed.send(Version, version=version)


def locked(build_id: UUID) -> Build:
    """The build's row as it is now, nobody else's to change until the transaction ends."""
    return Build.objects.select_for_update(of=("self",)).get(pk=build_id)


def claim(machine_id: UUID) -> Build | None:
    """The oldest build that waits or lost its builder, leased to this one."""
    for organization_id, build_id in doors.rows("builds_to_do", FAR_AWAY):
        with tenant(organization_id):
            free = Build.objects.select_for_update(skip_locked=True, of=("self",))
            build = free.filter(pk=build_id, ended_at=None).exclude(leased_until__gte=Now()).first()
            if build is None:
                continue
            if build.cancel_asked_at or build.attempt >= TRIES:
                _end_unclaimed(build)
                continue
            build.attempt += 1
            build.machine, build.state = machine_id, "fetching"
            build.leased_until = Now() + LEASE
            build.fetching_at = Now()
            build.installing_at = build.compiling_at = build.uploading_at = None
            build.save()
            _follow(build, "fetching")
            return Build.objects.select_related("version").get(pk=build.pk)
    return None


def give_back(build: Build, *, after: timedelta) -> None:
    """The git host did not answer: the build waits as before, and this attempt does not count."""
    with tenant(build.organization_id):  # type: ignore[attr-defined]
        mine = Build.objects.select_for_update(of=("self",)).filter(pk=build.pk, ended_at=None)
        found = mine.filter(machine=build.machine, attempt=build.attempt).first()
        if found is None:
            return
        found.attempt, found.machine, found.state = found.attempt - 1, None, "queued"
        found.fetching_at, found.leased_until = None, Now() + after
        found.save()
        _follow(found, "queued")


def _end_unclaimed(build: Build) -> None:
    if build.cancel_asked_at:
        end(build, "cancelled")
    else:
        lost = Problem(
            code="build.lost",
            message=f"The builder was lost {TRIES} times while it worked on this version",
            hint="Deploy again; if it is lost again, the build needs more memory or time than a builder has.",
        )
        end(build, "failed", [lost])


def progress(build: Build, said: BuildProgress) -> bool:
    """Note a builder's state and lines and lengthen its lease; whether somebody asked to cancel.

    A builder whose lease was given to another learns it here: its attempt is not the build's any more.
    """
    if build.ended_at or said.attempt != build.attempt:
        return True
    if said.state in WORKING and said.state != build.state:
        build.state = said.state
        setattr(build, f"{said.state}_at", Now())
        _follow(build, said.state)
    build.leased_until = Now() + LEASE
    build.save()
    add_lines(build, said.lines, said.attempt)
    return build.cancel_asked_at is not None


def _follow(build: Build, state: str) -> None:
    version = Version.objects.get(pk=build.version_id)
    version.state = state
    version.save(update_fields=["state"])
    _tell(version)


def add_lines(build: Build, lines: list[Any], attempt: int) -> None:
    """Each (attempt, seq) once, however often it is sent; what is over LINES_MOST is left out, said in the last."""
    rows = [
        BuildLine(
            build=build, attempt=attempt, seq=one.seq, stage=one.stage[:10],
            text=(one.text if one.seq < LINES_MOST else CUT).replace("\0", "\ufffd")[:64 * 1024],
            at=datetime.fromtimestamp(one.at_us / 1e6, UTC),
        )
        for one in lines
        if one.seq <= LINES_MOST
    ]  # fmt: skip
    if rows:
        BuildLine.objects.bulk_create(rows, ignore_conflicts=True)
        live.publish("build", build.version_id)


def finish(build: Build, said: BuildResult) -> None:
    """A builder's last word. Saying it twice changes nothing; a builder that lost its lease is not heard."""
    if build.ended_at or said.attempt != build.attempt:
        return
    add_lines(build, said.lines, said.attempt)
    if said.outcome == "ready" and not build.cancel_asked_at:
        _ready(build, said)
    else:
        outcome = said.outcome if said.outcome in ("failed", "cancelled") else "cancelled"
        end(build, outcome, said.problems)


def _ready(build: Build, said: BuildResult) -> None:
    version = Version.objects.select_related("project").get(pk=build.version_id)
    try:
        lock = lock_file.parse((said.lock or "").encode())
        blobs.list_bundle(version.project, said.bundle or "")
    except UserError as error:
        end(build, "failed", [Problem(code=error.code, message=error.message, hint=error.hint)])
        return
    version.lock, version.lock_digest, version.bundle = said.lock or "", lock.digest, said.bundle
    version.endpoints = [msgspec.to_builtins(one) for one in endpoints_of(lock)]
    version.lock_changes = diff.changes(_lock_before(version), lock)
    version.ready_at = Now()
    version.state = "ready"
    version.save()
    end(build, "ready")
    version.refresh_from_db()
    if version.to is not None:
        promotes = is_head(version)
        deploying.deploy(version, version.to, by=version.created_by, promotes=promotes)


def endpoints_of(lock: Lock) -> list[Endpoint]:
    """Topics from outside are endpoints too; who may send to them is the environment's, see hub/ingress/routing."""
    return [
        *(
            Endpoint(method=one.method, path=one.path, step=one.step, auth=one.auth)
            for one in lock.triggers.api
        ),
        *(
            Endpoint(method="POST", path=one.path, step=one.id, auth=[{"type": EVENTS_KEY}])
            for one in lock.triggers.outside
        ),
    ]


def _lock_before(version: Version) -> Lock | None:
    before = Version.objects.filter(
        project_id=version.project_id,
        state="ready",
        number__lt=version.number,
    )
    last = before.order_by("-number").values_list("lock", flat=True).first()
    return lock_file.parse(last.encode()) if last else None


def is_head(version: Version) -> bool:
    """Whether its branch is at it: as last read from the git host, or by what was pushed later where none is read.

    An upload is, if nothing was uploaded for its environment after it that still may get ready.
    """
    later = Version.objects.filter(
        project_id=version.project_id,
        source=version.source,
        number__gt=version.number,
    )
    if version.source == "upload":
        return not later.filter(to=version.to).exclude(state__in=("failed", "cancelled")).exists()
    later = later.filter(branch=version.branch)
    if (head := fetching.head_of(version)) is not None:
        return head == version.sha and not later.filter(sha=version.sha).exists()
    return not later.exclude(sha=version.sha).exists()


def promote_head(project: Project, *, branch: str, sha: str) -> None:
    """The git host shows that a branch is at this commit: promote its version if it got ready before that was known."""
    found = Version.objects.filter(project=project, source="git", branch=branch, sha=sha)
    version = found.select_related("to", "created_by").order_by("-number").first()
    if version is None or version.to is None or version.state != "ready":
        return
    promoted = Deployment.objects.filter(version=version, environment=version.to, promotes=True)
    if not promoted.exists():
        deploying.deploy(version, version.to, by=version.created_by, promotes=True)


def end(build: Build, state: str, problems: list[Problem] | None = None) -> None:
    build.state = state
    build.ended_at = Now()
    build.leased_until = None
    build.problems = [_plain(msgspec.to_builtins(one)) for one in (problems or [])[:PROBLEMS_MOST]]
    build.save()
    _follow(build, state)


def _plain(problem: dict[str, Any]) -> dict[str, Any]:
    """PostgreSQL's JSON holds no NUL, and a compiler's message may."""
    return {
        key: value.replace("\0", "\ufffd") if isinstance(value, str) else value
        for key, value in problem.items()
    }


def expire(organization_id: UUID, build_id: UUID) -> None:
    """A build whose builder went silent waits for another one, or has had all its tries."""
    with tenant(organization_id):
        build = (
            Build.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(pk=build_id, ended_at=None, leased_until__lt=Now())
            .first()
        )
        if build is None:
            return
        if build.cancel_asked_at or build.attempt >= TRIES:
            _end_unclaimed(build)
        else:
            build.state, build.leased_until = "queued", None
            build.save()
            _follow(build, "queued")


def cancel(version: Version) -> None:
    """Ask for it: at once when nobody builds it yet, else when its builder next says how it stands."""
    build = Build.objects.select_for_update(of=("self",)).get(version=version)
    if build.state in ENDED:
        raise AlreadyEnded(f"The build has ended: {build.state}")
    build.cancel_asked_at = Now()
    build.save()
    if build.leased_until is None:
        end(build, "cancelled")
