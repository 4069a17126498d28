"""Reading a source's refs from its host: by hint, and every 60 s whether or not a webhook came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from celery import current_app
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from hub import live
from hub.common.tenancy import tenant
from hub.projects.models import Environment
from hub.sources import app, pushes
from hub.sources.hosts import choose
from hub.sources.hosts.port import About, Host, HostAway, NoAccess, Refs
from hub.sources.models import Source
from wistro.errors import UserError

log = structlog.get_logger()
EVERY = timedelta(seconds=60)
LONGEST = timedelta(minutes=30)  # between readings that fail
TASK = "hub.sources.tasks.read_source"
MOST_ASKED = 30  # commits that are asked about by name in one reading


def soon(source: Source) -> None:
    """Have it read now: the row says so, the message is a hint."""
    Source.objects.filter(pk=source.pk).update(read_due_at=Now())
    ids = str(source.organization_id), str(source.pk)
    transaction.on_commit(lambda: send(*ids), robust=True)


def send(organization_id: str, id: str) -> None:
    try:
        current_app.send_task(TASK, (organization_id, id), retry=False, expires=60)
    except OperationalError as error:
        log.warning("source.hint-lost", source=id, why=str(error))


def read(organization_id: UUID, id: UUID) -> bool:
    """Read this source if it is due; False when it is not. The host is asked outside any transaction."""
    source = _claim(organization_id, id)
    if source is None:
        return False
    try:
        host = choose.of(source)
        refs = host.refs()
        with tenant(organization_id):
            known = pushes.heads_of(source)
        about = _about(host, refs, known)
        is_polled = not app.reaches_us(host.site)
    except UserError as error:
        with tenant(organization_id):
            _failed(source, error)
    else:
        with tenant(organization_id):
            environments = _apply(source, refs, about, is_polled)
        for (
            environment
        ) in environments:  # each in its own transaction: see hub/README.md, who locks what
            with tenant(organization_id):
                pushes.promote(source, environment)
    return True


def _claim(organization_id: UUID, id: UUID) -> Source | None:
    with tenant(organization_id):
        due = Source.objects.filter(pk=id, read_due_at__lte=Now())
        if not due.update(read_due_at=Now() + EVERY, reading=F("reading") + 1):
            return None
        return Source.objects.select_related("project", "installation").get(pk=id)


def _about(host: Host, refs: Refs, known: dict[str, str]) -> dict[str, About]:
    """What is known of the heads that are new; a commit that cannot be asked about goes without."""
    new = [sha for branch, sha in refs.heads.items() if known.get(branch) != sha]
    found: dict[str, About] = {}
    for sha in list(dict.fromkeys(new))[:MOST_ASKED]:
        try:
            found[sha] = host.about(sha)
        except (HostAway, NoAccess) as error:
            log.info("source.commit-unknown", sha=sha, why=error.message)
    return found


def _apply(
    source: Source, refs: Refs, about: dict[str, About], is_polled: bool
) -> list[Environment]:
    """What the host shows, written down; the environments that its branches lead to."""
    number = source.reading
    current = Source.objects.select_for_update(of=("self",)).select_related("project")
    found = current.filter(pk=source.pk).first()
    if found is None or number <= found.read:
        return []  # disconnected, or a later reading was faster
    before = _shown(found)
    found.read, found.is_polled, found.problem_code, found.problem = number, is_polled, "", ""
    found.repository = refs.repository or found.repository
    if refs.default_branch and (found.kind == "github" or not found.default_branch):
        found.default_branch = refs.default_branch
    pushes.see(found, refs, about)
    found.read_at = Now()
    found.save(
        update_fields=[
            "read", "read_at", "is_polled", "problem_code", "problem", "repository", "default_branch",
        ]
    )  # fmt: skip
    if before != _shown(found):
        live.publish("source", found.project_id)
    source.default_branch = found.default_branch
    return list(Environment.objects.filter(project=found.project).order_by("pk"))


def _failed(source: Source, error: UserError) -> None:
    _put_off(source)
    said = " ".join(filter(None, [error.message.rstrip(".") + ".", error.hint]))[:2000]
    told = Source.objects.filter(pk=source.pk, reading=source.reading)
    if told.exclude(problem=said).update(problem_code=error.code, problem=said):
        log.warning("source.unread", source=str(source.pk), code=error.code, why=error.message)
        live.publish("source", source.project_id)


def _put_off(source: Source) -> None:
    """Read it less often the longer it fails: a host that answers nobody would keep all workers waiting for it.

    A hint (a webhook, Refresh) has it read at once, as ever.
    """
    failing_for = datetime.now(UTC) - (source.read_at or source.connected_at)
    wait = min(max(EVERY, failing_for / 10), LONGEST)
    put_off = Source.objects.filter(pk=source.pk, reading=source.reading, read_due_at__gt=Now())
    put_off.update(read_due_at=Now() + wait)


def _shown(source: Source) -> tuple[object, ...]:
    return (
        source.problem, source.repository, source.default_branch, source.is_polled, source.read_at is None,
    )  # fmt: skip
