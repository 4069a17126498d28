"""A browser's part of `wistro login`, over real sockets: read the address, allow or deny, follow the way back."""

from __future__ import annotations

import http.client
import re
import subprocess
from contextlib import closing
from typing import IO
from urllib.parse import urlsplit

from django.conf import settings
from django.test import Client

from hub.accounts.models import User
from tests.factories.clients import BACKEND


def address_said(running: subprocess.Popen[str]) -> str:
    """The Hub's address that the command prints."""
    err: IO[str] = running.stderr  # type: ignore[assignment]
    while line := err.readline():
        if "/oauth/authorize?" in line:
            return line.strip()
    raise AssertionError("no address was said")


def answer(address: str, user: User, *, with_: str) -> str:
    """Where the Hub leads the browser after the form was answered."""
    signed_in = Client()
    signed_in.force_login(user, backend=BACKEND)
    session = signed_in.cookies[settings.SESSION_COOKIE_NAME].OutputString().partition(";")[0]
    parts = urlsplit(address)
    with closing(http.client.HTTPConnection(parts.netloc, timeout=10)) as hub:
        status, headers, _ = ask(hub, "GET", address, {"Cookie": session})
        assert status == 200
        csrf = re.findall(rf"{settings.CSRF_COOKIE_NAME}=(\w+)", headers)[0]
        form = {
            "Cookie": f"{session}; {settings.CSRF_COOKIE_NAME}={csrf}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": f"{parts.scheme}://{parts.netloc}",
        }
        body = f"answer={with_}&csrfmiddlewaretoken={csrf}"
        status, headers, _ = ask(hub, "POST", address, form, body)
        assert status == 302
        return re.findall(r"(?mi)^Location: (\S+)", headers)[0]


def visit(address: str) -> tuple[int, str]:
    with closing(http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)) as there:
        status, _, page = ask(there, "GET", address, {})
        return status, page


def ask(
    to: http.client.HTTPConnection,
    method: str,
    address: str,
    headers: dict[str, str],
    body: str | None = None,
) -> tuple[int, str, str]:
    parts = urlsplit(address)
    to.request(method, f"{parts.path}?{parts.query}", body, headers)
    answered = to.getresponse()
    return answered.status, str(answered.headers), answered.read().decode()
