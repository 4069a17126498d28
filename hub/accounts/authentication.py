"""Who is asking: a browser's session (with CSRF), or an API token in `Authorization: Bearer wst_…`."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.request import Request

from hub.accounts.models import Token, User
from hub.common.api.errors import NotAllowed, SignIn

PREFIX = "wst_"
SEEN_EVERY = timedelta(
    minutes=5
)  # how exact `used_at` is; a write a request would cost more than it tells


class BadToken(SignIn):
    """A bearer token that is unknown, revoked or past its end."""

    code = "access.token"
    hint = "Run `wistro login`."


class ApiToken(BaseAuthentication):
    """`request.auth` is the Token. A request with a token of another kind is left to others."""

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not text.startswith(PREFIX):
            return None
        now = timezone.now()
        token = (
            Token.objects.select_related("user")
            .filter(sha256=hashed(text), expires_at__gt=now)
            .first()
        )
        if token is None or not token.user.is_active:
            raise BadToken("The token is unknown, revoked or has ended")
        _mark_seen(token, now)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class Session(BaseAuthentication):
    """Django's session; unlike DRF's own, a missing CSRF token is told in our shape."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        user: Any = getattr(request._request, "user", None)
        if "Authorization" in request.headers or user is None or not user.is_active:
            return None
        _enforce_csrf(request._request)
        return user, None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def hashed(text: str) -> bytes:
    """How a token is kept and looked up: it has 256 random bits, so one round is enough."""
    return hashlib.sha256(text.encode()).digest()


def _mark_seen(token: Token, now: datetime) -> None:
    if token.used_at is None or now - token.used_at > SEEN_EVERY:
        Token.objects.filter(pk=token.pk).update(used_at=now)


def _enforce_csrf(request: HttpRequest) -> None:
    check = CSRFCheck(lambda _: None)  # type: ignore[arg-type]
    check.process_request(request)
    if reason := check.process_view(request, None, (), {}):
        raise NotAllowed(
            f"CSRF: {reason}",
            hint="Send the csrftoken cookie's value as X-CSRFToken, from the Hub's own origin.",
        )
