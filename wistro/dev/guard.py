"""Who may see the local screens: this machine's browser that was given the token. Others' pages in it may not.

A page of another site may send requests to 127.0.0.1, also under a name of its own that it points here (DNS rebinding):
so the Host must be ours, an Origin must be ours, and the token must come with it, in the address once, then in a cookie.
"""

from __future__ import annotations

import hmac
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs

from wistro.dev.secret_files import kept_secret
from wistro.errors import UserError
from wistro.http.message import Request, Response

TOKEN_FILE = "token"
READING = ("GET", "HEAD")


class WrongHost(UserError):
    """The local screens were asked for under another name."""

    code = "local.host"
    hint = "Open the address that wistro printed."
    status = 403


class WrongOrigin(UserError):
    """A page of another site asked the local screens."""

    code = "local.origin"
    hint = "Open the address that wistro printed."
    status = 403


class NoToken(UserError):
    """The local screens were asked for without their token."""

    code = "local.token"
    hint = "Open the address that wistro printed: it carries the token."
    status = 401


class ReadOnly(UserError):
    """The local screens change nothing."""

    code = "local.read-only"
    status = 405


class Guard:
    def __init__(self, *, token: str, port: int) -> None:
        self.token = token
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
        self._cookie = f"wistro-{port}"  # cookies do not keep ports apart

    def check(self, request: Request) -> None:
        """Raises WrongHost, WrongOrigin, ReadOnly or NoToken."""
        hosts = request.header_values("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            raise WrongHost("the local screens do not answer to this Host")
        for origin in request.header_values("origin"):
            if origin.removeprefix("http://").lower() not in self._hosts:
                raise WrongOrigin("the local screens answer to their own pages only")
        if request.method not in READING:
            raise ReadOnly("the local screens only show")
        if not any(self._is_token(one) for one in self._given(request)):
            raise NoToken("the token is missing or wrong")

    def entering(self, request: Request) -> Response | None:
        """A page opened with `?token=`: a cookie takes its place, so that it stays in no address bar or history."""
        if request.path.startswith("/api/"):
            return None
        given = parse_qs(request.query).get("token", [])
        if not any(self._is_token(one) for one in given):
            return None
        cookie = f"{self._cookie}={self.token}; Path=/; HttpOnly; SameSite=Strict"
        path = "/" + request.path.lstrip("/")  # `//host` would lead elsewhere
        return Response(
            303, b"", [("location", path), ("set-cookie", cookie), ("cache-control", "no-store")]
        )

    def _given(self, request: Request) -> list[str]:
        found = list(parse_qs(request.query).get("token", []))
        if (bearer := request.header("authorization")) and bearer.startswith("Bearer "):
            found.append(bearer.removeprefix("Bearer "))
        for header in request.header_values("cookie"):
            try:
                cookie = SimpleCookie(header).get(self._cookie)
            except CookieError:
                continue
            if cookie is not None:
                found.append(cookie.value)
        return found

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode())


def token_of(folder: Path) -> str:
    """The project's token, so that open pages outlive a restart."""
    return kept_secret(folder / TOKEN_FILE)
