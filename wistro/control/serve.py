"""The socket on which a running project is asked and changed by its user's commands, and by nobody else."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs

import msgspec

from wistro.control.answers import Answers
from wistro.control.place import make_folder, socket_of
from wistro.errors import UserError
from wistro.http.limits import Limits
from wistro.http.message import JSON, Request, Response
from wistro.http.server import Server
from wistro.store.port import StoreAway, StoreBroken, StoreFull

API = "/api/v1/"
ANSWER_S = 30.0
LIMITS = Limits(
    connections=64, in_flight=32, body_bytes=10 * 1024 * 1024, held_bytes=64 * 1024 * 1024
)


class TookTooLong(UserError):
    """The engine did not answer a command in time; what was asked may still happen."""

    code = "control.timeout"
    hint = "Look at `wistro doctor` and at what the engine's terminal says."
    status = 504


class StoreNotThere(UserError):
    """The store did not take what a command asked for; nothing of it was kept, unless it says so."""

    code = "control.store"
    hint = "Try again in a moment; look at the disk, or at the store's server."
    status = 503


@contextlib.asynccontextmanager
async def serving(root: Path, answers: Answers) -> AsyncIterator[None]:
    """Listen on the project's control socket meanwhile. Raises NotOurs."""
    socket = socket_of(root)
    make_folder(socket)
    server = Server(_Control(answers).handle, limits=LIMITS)
    try:
        await server.listen_unix(socket)
        yield
    finally:
        await server.close()
        with contextlib.suppress(OSError):  # a successor's socket is in it already
            socket.parent.rmdir()


class _Control:
    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def handle(self, request: Request) -> Response:
        path = request.target.partition("?")[0].removeprefix(
            API
        )  # still escaped: ids hold no slash
        query = {
            name: values[-1]
            for name, values in parse_qs(request.query, keep_blank_values=True).items()
        }
        try:
            async with asyncio.timeout(ANSWER_S):
                value = await self._answers.answer(request.method, path, query, request.body)
        except TimeoutError as error:
            raise TookTooLong(f"no answer within {ANSWER_S:g} s") from error
        except StoreAway as away:
            raise StoreNotThere(str(away)) from away
        except StoreFull as full:
            raise StoreNotThere(f"the store takes nothing now: {full}") from full
        except StoreBroken as broken:
            raise StoreNotThere(f"the engine is stopping: {broken}") from broken
        return Response(200, msgspec.json.encode(value), [JSON])
