"""https, and which handler answers what: `@route("GET", "/repos/{owner}/{name}")`."""

from __future__ import annotations

import http.server
import json
import re
import ssl
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.doubles.github.state import State

MOST_BODY = 64 << 20


@dataclass
class Asked:
    """One request; `at` are the route's values."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes
    at: dict[str, str] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        if not self.body:
            return {}
        try:
            found = json.loads(self.body)
        except ValueError:
            raise Refused(400, "Problems parsing JSON") from None
        if not isinstance(found, dict):
            raise Refused(400, "Body should be a JSON object")
        return found

    def form(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(self.body.decode()).items()}


@dataclass
class Said:
    """An answer."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """What GitHub answers with an error, in its shape."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


Handler = Callable[[State, Asked], Said]


@dataclass(frozen=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    handler: Handler
    unlocked: bool


ROUTES: list[Route] = []


def route(method: str, path: str, *, unlocked: bool = False) -> Callable[[Handler], Handler]:
    """`{name}` takes one part of the path, `{name*}` all that is left. `unlocked`: the handler takes the lock itself."""
    pattern = re.sub(r"\\\{(\w+)\\\*\\\}", r"(?P<\1>.+)", re.escape(path))
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", pattern)

    def add(handler: Handler) -> Handler:
        ROUTES.append(Route(method, re.compile(pattern), handler, unlocked))
        return handler

    return add


def say(value: Any, status: int = 200, **headers: str) -> Said:
    told = {"content-type": "application/json; charset=utf-8"}
    told |= {name.replace("_", "-"): text for name, text in headers.items()}
    return Said(status, json.dumps(value).encode(), told)


def answer(state: State, asked: Asked) -> Said:
    if state.failing and asked.path.startswith("/api/"):
        state.failing -= 1
        return say({"message": "Server Error"}, 502)
    for one in ROUTES:
        found = one.pattern.fullmatch(asked.path) if one.method == asked.method else None
        if found is None:
            continue
        asked.at = {name: unquote(value) for name, value in found.groupdict().items()}
        try:
            if one.unlocked:
                return one.handler(state, asked)
            with state.lock:
                return one.handler(state, asked)
        except Refused as refused:
            return say({"message": refused.message}, refused.status, **refused.headers)
        except subprocess.CalledProcessError as error:
            return say({"message": f"git: {error.stderr.decode(errors='replace')}"}, 422)
    return say({"message": "Not Found"}, 404)


def make(state: State, *, port: int, certificate: Path) -> http.server.ThreadingHTTPServer:
    class Connection(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            body = self._body()
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, parts.path, query, headers, body)
            if not parts.path.startswith("/_control/"):
                state.asked.append((self.command, self.path))
            said = answer(state, asked)
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _answer

        def _body(self) -> bytes:
            if self.headers.get("transfer-encoding") == "chunked":
                body = b""
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body
            return self.rfile.read(min(int(self.headers.get("content-length") or 0), MOST_BODY))

        def log_message(self, format: str, *args: object) -> None: ...

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that went away or does not trust us is its own affair."""

    server = Server(("127.0.0.1", port), Connection)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    # the handshake is done by the connection's own thread, so that a slow one keeps nobody waiting
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return server
