"""Clients of the Hub's API in tests: in-process, JSON, with CSRF enforced only where a test asks for it."""

from __future__ import annotations

from typing import Any

from rest_framework.test import APIClient

from hub.accounts.models import User


def client(
    user: User | None = None, *, token: str | None = None, enforce_csrf: bool = False
) -> APIClient:
    made = APIClient(enforce_csrf_checks=enforce_csrf, raise_request_exception=True)
    if user is not None:
        made.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    if token is not None:
        made.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return made


def machine_client(token: str = "") -> Any:
    """A client of the machines' server: use inside `override_settings(**MACHINES)`."""
    return client(token=token or None)
