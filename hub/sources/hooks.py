"""What a webhook that was written down leads to. It is a hint: what it says of branches is read from the host, too."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models.functions import Now

from hub.common.settings import SETTINGS
from hub.common.tenancy import tenant
from hub.common.work import work
from hub.sources import app, pushes, reading
from hub.sources.hosts import github
from hub.sources.hosts.github import RefusedByGitHub, instant
from hub.sources.hosts.port import About
from hub.sources.models import Hook, Installation, Source
from wistro.errors import UserError

HEADS = "refs/heads/"
KEPT = timedelta(days=7)  # how long a delivery's id is remembered


class BadSignature(UserError):
    """A webhook that is not signed with the secret it should be."""

    code = "hook.signature"
    hint = "Give the host the secret that the Hub showed; it signs as GitHub does (X-Hub-Signature-256)."
    status = 401


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Over the bytes as they came, in constant time."""
    right = "sha256=" + hmac.digest(secret.encode(), body, hashlib.sha256).hex()
    return hmac.compare_digest(signature.encode("utf-8", "replace"), right.encode())


def write_down(
    *, kind: str, delivery: str, event: str, body: bytes, source: Source | None = None
) -> None:
    """In the scope's organization, once for each delivery: the row is what the 2xx stands for."""
    row, is_new = Hook.objects.get_or_create(
        kind=kind, delivery=delivery, defaults={"event": event, "body": body, "source": source}
    )
    if is_new:
        work_off.hint(row)


@work(Hook, lease=timedelta(minutes=2))
def work_off(hook: Hook) -> None:
    if hook.kind == "git":
        with tenant(hook.organization_id):
            for source in Source.objects.filter(pk=hook.source_id):
                reading.soon(source)
        return
    said = json.loads(bytes(hook.body))
    if hook.event == "push":
        _pushed(hook, said)
    elif hook.event in ("installation", "installation_repositories"):
        _installation_changed(hook.organization_id, int(said["installation"]["id"]))


def _pushed(hook: Hook, said: dict[str, Any]) -> None:
    """Each pushed head that is told becomes a version, even if the branch moved on meanwhile."""
    ref, sha = str(said["ref"]), str(said["after"])
    with tenant(hook.organization_id):
        if Hook.objects.select_for_update(of=("self",)).get(pk=hook.pk).applied_at:
            return
        Hook.objects.filter(pk=hook.pk).update(applied_at=Now())
        sources = Source.objects.select_related("project").filter(
            kind="github",
            repository_id=int(said["repository"]["id"]),
            installation__installation_id=int(said["installation"]["id"]),
        )
        for source in sources.order_by("pk"):
            if ref.startswith(HEADS) and not said.get("deleted") and sha.strip("0"):
                pushes.tell(source, ref.removeprefix(HEADS), sha, _about(said.get("head_commit")))
            reading.soon(source)


def _about(head: Any) -> About:
    if not isinstance(head, dict):
        return About()
    author = head.get("author") or {}
    return About.read(head.get("message"), author.get("name"), instant(head.get("timestamp")))


def _installation_changed(organization_id: UUID, installation_id: int) -> None:
    """Its state is asked for, since webhooks come late and out of order."""
    try:
        now = github.as_app(app.needed(), "GET", f"/app/installations/{installation_id}")
    except RefusedByGitHub as error:
        if error.http_status != 404:
            raise
        now = None
    with tenant(organization_id):
        ours = Installation.objects.filter(
            host=SETTINGS.github_url, installation_id=installation_id
        )
        ours.update(
            gone_at=None if now else Now(),
            suspended_at=Now() if now and now.get("suspended_at") else None,
        )
        for source in Source.objects.filter(installation__in=ours, repository_id__isnull=False):
            reading.soon(source)
