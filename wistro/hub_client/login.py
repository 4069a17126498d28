"""Signing in through a browser: OAuth's authorization code with PKCE S256 to a port of this machine (RFC 8252).

The Hub's side is hub/accounts/oauth.py. One answer is taken, at /callback and with our `state`; nothing of it is
written anywhere but into the request for the token.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec

from wistro.errors import UserError
from wistro.hub_client.connection import Hub
from wistro.hub_client.errors import HubRefused, HubUnreadable

CLIENT_ID = "wistro-cli"
SCOPES = ("projects:read", "projects:write", "deploy", "datasets:read")
WAIT_S = 300.0


class LoginTimedOut(UserError):
    """Nobody answered in the browser in time."""

    code = "login.timed-out"


class LoginRefused(UserError):
    """The Hub, or whoever sat before the browser, said no."""

    code = "login.refused"
    hint = "Run `wistro login` again and choose Allow."


class LoginForged(UserError):
    """The browser came back with an answer to another login than this one."""

    code = "login.state"
    hint = "Close the Hub's older tabs and run `wistro login` again; no token was asked for."


class Given(msgspec.Struct):
    access_token: str
    scope: str = ""


@dataclass
class _Heard:
    query: dict[str, list[str]] = field(default_factory=dict)
    came: threading.Event = field(default_factory=threading.Event)


class Loopback:
    """A login under way: `address` is what a browser is to open, `wait` gives the token."""

    def __init__(self, hub: Hub, *, random: Callable[[int], str]) -> None:
        self._hub, self._state, self._verifier = hub, random(32), random(64)
        self._heard = _Heard()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._heard))
        self.port: int = self._server.server_address[1]
        self._redirect = f"http://127.0.0.1:{self.port}/callback"
        self.address = f"{hub.address}/oauth/authorize?" + urlencode(
            {
                "response_type": "code",
                "client_id": CLIENT_ID,
                "redirect_uri": self._redirect,
                "scope": " ".join(SCOPES),
                "state": self._state,
                "code_challenge": challenge(self._verifier),
                "code_challenge_method": "S256",
            }
        )

    def __enter__(self) -> Loopback:
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self, limit_s: float = WAIT_S) -> Given:
        """The token, once someone allowed it. Raises LoginTimedOut, LoginRefused, LoginForged."""
        if not self._heard.came.wait(limit_s):
            raise LoginTimedOut(
                f"nobody answered in the browser within {limit_s:.0f} s",
                hint="Run `wistro login` again; if the browser is on another machine, from there: "
                f"ssh -L {self.port}:127.0.0.1:{self.port} THIS-MACHINE",
            )
        query = self._heard.query
        if not hmac.compare_digest(_one(query, "state").encode(), self._state.encode()):
            raise LoginForged("the browser answered to another login")
        if error := _one(query, "error"):
            said = _one(query, "error_description") or error.replace("_", " ")
            raise LoginRefused(f"the login was refused: {said}")
        return self._exchange(_one(query, "code"))

    def _exchange(self, code: str) -> Given:
        form = {
            "grant_type": "authorization_code",
            "client_id": CLIENT_ID,
            "code": code,
            "redirect_uri": self._redirect,
            "code_verifier": self._verifier,
        }
        try:
            answer = self._hub.ask(
                "POST",
                "/oauth/token",
                urlencode(form).encode(),
                content_type="application/x-www-form-urlencoded",
            )
            return msgspec.json.decode(answer.body, type=Given)
        except (HubRefused, HubUnreadable) as error:
            raise LoginRefused(f"the Hub gave no token: {error}") from error
        except msgspec.MsgspecError as error:
            raise LoginRefused(f"the Hub gave no readable token: {error}") from error


def challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _one(query: dict[str, list[str]], name: str) -> str:
    values = query.get(name, [])
    return values[0] if len(values) == 1 else ""


_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>wistro</title>
<style>body{font:16px/1.5 system-ui,sans-serif;margin:20vh auto;max-width:28rem;padding:0 1rem}</style>
<h1>%s</h1><p>%s</p></html>"""
_BACK = _PAGE % ("Back to the terminal", "wistro goes on there. This tab can be closed.")
_ONCE = _PAGE % ("Already answered", "This login has had its answer. This tab can be closed.")
_NOTHING = _PAGE % ("Nothing here", "wistro waits for one answer of the Hub at another path.")


def _handler(heard: _Heard) -> type[BaseHTTPRequestHandler]:
    lock = threading.Lock()

    class Callback(BaseHTTPRequestHandler):
        timeout = 5  # a browser's spare connection that says nothing

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path != "/callback":
                return self._tell(404, _NOTHING)
            with lock:
                if heard.came.is_set():
                    return self._tell(410, _ONCE)
                heard.query = parse_qs(parts.query, keep_blank_values=True)
                self._tell(200, _BACK)
                heard.came.set()

        def _tell(self, status: int, page: str) -> None:
            body = page.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header(
                "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"
            )
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("Cache-Control", "no-store")
            self.send_header("Connection", "close")
            self.close_connection = True
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: the request's line has the code in it."""

    return Callback
