"""Where git hosts' webhooks come in: signature over the raw bytes, a row, and only then the answer."""

from __future__ import annotations

import json
import re
from uuid import UUID, uuid4

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.response import Response

from hub.common import doors
from hub.common.api.access import signed
from hub.common.api.errors import NotFound, TooLarge, Unreadable
from hub.common.api.limits import WEBHOOK
from hub.common.api.views import HubView
from hub.common.sealing import open_sealed
from hub.common.settings import SETTINGS
from hub.common.tenancy import tenant
from hub.sources import app, hooks
from hub.sources.hooks import BadSignature
from hub.sources.models import Source

_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")


class Webhook(HubView):
    access = {"POST": signed}
    authentication_classes = ()
    schema = None

    def raw(self, request: Request) -> bytes:
        """The body as it came. Raises TooLarge before more than that is read."""
        asked: HttpRequest = request._request
        length = asked.headers.get("content-length", "")
        body = b"" if length.isdecimal() and int(length) > WEBHOOK else asked.read(WEBHOOK + 1)
        if len(body) > WEBHOOK or (length.isdecimal() and int(length) > WEBHOOK):
            raise TooLarge(f"A webhook has at most {WEBHOOK} bytes")
        return body

    def checked(self, request: Request, secret: str) -> bytes:
        body = self.raw(request)
        if not hooks.is_signed(body, request.headers.get("x-hub-signature-256", ""), secret):
            raise BadSignature("The webhook's signature is not of its body and our secret")
        return body

    def id(self, request: Request, *, needed: bool) -> str:
        given = request.headers.get("x-github-delivery", "")
        if _ID.fullmatch(given):
            return given
        if needed:
            raise Unreadable(
                "X-GitHub-Delivery is no id", hint="GitHub sends one with each webhook."
            )
        return str(uuid4())  # a host that numbers nothing: each of its webhooks is one more hint


class FromGitHub(Webhook):
    def post(self, request: Request) -> Response:
        credentials = app.current()
        if credentials is None:
            raise BadSignature("This Hub has no GitHub App")
        body = self.checked(request, credentials.webhook_secret)
        delivery = self.id(request, needed=True)
        event = request.headers.get("x-github-event", "")[:100]
        for (organization_id,) in _whose(body):
            with tenant(organization_id):
                hooks.write_down(kind="github", delivery=delivery, event=event, body=body)
        return Response(status=202)


def _whose(body: bytes) -> list[tuple[UUID]]:
    """The organizations that this webhook's installation belongs to; none for one that nobody connected."""
    try:
        installation = json.loads(body)["installation"]["id"]
    except KeyError:
        return []  # a ping, or an event of the App itself
    except (ValueError, TypeError):
        raise Unreadable("The webhook's body is no JSON object", hint="") from None
    if not isinstance(installation, int):
        raise Unreadable("The webhook names no installation", hint="")
    return doors.rows("installations_called", SETTINGS.github_url, installation)


class FromGit(Webhook):
    """Of any git host, with the secret of one source. Its body is not read: the refs are."""

    def post(self, request: Request, source: UUID) -> Response:
        for (organization_id,) in doors.rows("source_called", source):
            with tenant(organization_id):
                found = Source.objects.get(pk=source)
                secret = open_sealed(found.sealed, bound_to=found.bound_to).decode()
                self.checked(request, secret)
                delivery = f"{found.pk.hex}:{self.id(request, needed=False)}"
                hooks.write_down(
                    kind="git", delivery=delivery, event="push", body=b"", source=found
                )
            return Response(status=202)
        raise NotFound("There is nothing here")
