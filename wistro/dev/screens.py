"""The local screens' server: the built pages, and the read API of `wistro/protocol/reading.py` under /api/v1.

Everything is read-only. Pages ask again each second (frontend/shared/live/polling.ts), so there is no socket here.
"""

from __future__ import annotations

import mimetypes
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgspec

from wistro.control import reading
from wistro.control.reading import problem_view
from wistro.dev.guard import Guard, token_of
from wistro.dev.overview import example_call
from wistro.dev.ports import listen
from wistro.errors import UserError
from wistro.http.message import JSON, Request, Response, refusal
from wistro.http.server import Server
from wistro.lock.model import Lock
from wistro.records.local_reads import LocalReads

STATIC = Path(__file__).parent / "static"
API = "/api/v1/"
HOST = "127.0.0.1"
NONCE_MARK = "__CSP_NONCE__"  # what the screens' build writes where a nonce belongs
POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
SAFE = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
]


class NothingHere(UserError):
    """The local server has no such page, file or part of its API."""

    code = "local.not-found"
    status = 404


class NotBuilt(UserError):
    """This wistro was installed without its screens."""

    code = "local.not-built"
    hint = "In a checkout of wistro: `make up`, or `npm ci && npm run build -w local` in frontend/."
    status = 503


@dataclass(frozen=True)
class Showing:
    """What is shown: the records, the lock in use if there is one, and what is wrong with the project."""

    reads: LocalReads
    lock: Callable[[], Lock | None]
    address: str = ""  # of the endpoints
    problems: Callable[[], list[UserError]] = field(default=lambda: [])


async def serve_screens(
    root: Path, showing: Showing, *, port: int, avoid: Collection[int] = ()
) -> tuple[Server, str]:
    """Listen on 127.0.0.1; the server, and the address with its token. Raises PortTaken."""
    screens = Screens(showing, token=token_of(root / ".wistro"))
    server = Server(screens.handle)
    try:
        port = await listen(server, HOST, port, option="--ui-port", avoid=avoid)
    except UserError:
        await server.close()
        raise
    screens.guard = Guard(token=screens.token, port=port)
    return server, f"http://{HOST}:{port}/?token={screens.token}"


class Screens:
    """`guard` is set once the port is known; until then nobody is let in."""

    def __init__(self, showing: Showing, *, token: str, static: Path = STATIC) -> None:
        self._showing = showing
        self._static = static
        self.token = token
        self.guard: Guard | None = None

    async def handle(self, request: Request) -> Response:
        try:
            response = await self._answer(request)
        except UserError as error:
            response = refusal(error)
        return Response(response.status, response.body, [*response.headers, *SAFE])

    async def _answer(self, request: Request) -> Response:
        if self.guard is None:
            raise NothingHere("not ready")
        self.guard.check(request)
        if (entered := self.guard.entering(request)) is not None:
            return entered
        if request.path.startswith(API):
            value = await self._read(request.path.removeprefix(API).strip("/"), _query(request))
            headers = [JSON, ("cache-control", "no-store")]
            return Response(200, msgspec.json.encode(value), headers)
        if request.path.startswith(("/api/", "/live")):
            raise NothingHere(f"there is no {request.path}")
        return self._page(request.path)

    async def _read(self, what: str, query: dict[str, str]) -> Any:
        if what.partition("/")[0] in reading.KNOWN:
            return await reading.read(what, query, self._showing.reads, self._showing.lock())
        if what == "first-call":
            lock = self._showing.lock()
            return {"command": example_call(lock, self._showing.address) if lock else None}
        if what == "problems":
            return {"problems": [problem_view(one) for one in self._showing.problems()]}
        raise NothingHere(f"the local API has no {what or 'such thing'}")

    def _page(self, path: str) -> Response:
        """A built file, else the one page that finds its way by itself."""
        name = path.lstrip("/")
        if name and (found := _inside(self._static, name)) is not None:
            kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
            kept = "max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"
            return Response(
                200, found.read_bytes(), [("content-type", kind), ("cache-control", kept)]
            )
        if "." in name.rpartition("/")[2]:
            raise NothingHere(f"there is no {path}")
        page = self._static / "index.html"
        if not page.is_file():
            raise NotBuilt("the local screens are not built")
        nonce = secrets.token_urlsafe(16)
        headers = [
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", "no-store"),
            ("content-security-policy", POLICY.format(nonce=nonce)),
        ]
        return Response(200, page.read_text("utf-8").replace(NONCE_MARK, nonce).encode(), headers)


def _inside(folder: Path, name: str) -> Path | None:
    found = (folder / name).resolve()
    return found if found.is_relative_to(folder.resolve()) and found.is_file() else None


def _query(request: Request) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(request.query).items()}
