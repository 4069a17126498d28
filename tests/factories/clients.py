"""Clients of the Hub's API in tests: in-process, JSON, with CSRF enforced only where a test asks for it."""

from __future__ import annotations

from rest_framework.test import APIClient

from hub.accounts.models import User

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def client(
    user: User | None = None, *, token: str | None = None, enforce_csrf: bool = False
) -> APIClient:
    """Signed in as a user, or with a token, or nobody."""
    made = APIClient(enforce_csrf_checks=enforce_csrf, raise_request_exception=True)
    if user is not None:
        made.force_login(user, backend=BACKEND)
    if token is not None:
        made.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return made
