"""An endpoint's answer in pieces: what a handler returned is recognised, and sent while its iterator runs."""

from __future__ import annotations

import base64
import inspect

from wistro_sdk.streams import Streamed

from .answers import BadAnswer, answer_of
from .values import encode

CHUNK_BYTES = 1024 * 1024  # wistro/protocol/frames.py, Chunk


def streamed_of(returned):
    """(answer without its body, body) of a streamed answer, else None."""
    if _is_stream(returned):
        return {}, _wrapped(returned)
    if isinstance(returned, dict) and _is_stream(returned.get("body")):
        rest = {name: value for name, value in returned.items() if name != "body"}
        return rest, _wrapped(returned["body"])
    return None


def _is_stream(value) -> bool:
    is_iterator = hasattr(value, "__next__") or hasattr(value, "__anext__")
    return (
        isinstance(value, Streamed)
        or is_iterator
        or (hasattr(value, "__aiter__") and not inspect.isclass(value))
    )


def _wrapped(body) -> Streamed:
    return body if isinstance(body, Streamed) else Streamed(body, {}, bytes_of, None)


def bytes_of(piece) -> bytes:
    if isinstance(piece, str):
        return piece.encode()
    if isinstance(piece, (bytes, bytearray, memoryview)):
        return bytes(piece)
    raise BadAnswer(
        f"a streamed body is made of bytes and texts, not of {piece!r}; ndjson and sse take values"
    )


class Stream:
    """One answer. It begins with the first piece, so a step that throws before it is answered as ever."""

    def __init__(self, asker, rest: dict, body: Streamed, run_id: str) -> None:
        names = {name.lower() for name in rest.get("headers") or {}}
        own = {name: value for name, value in body.headers.items() if name not in names}
        head = answer_of({**rest, "headers": {**own, **(rest.get("headers") or {})}})
        self._head = b',"status":%d,"headers":%s' % (head["status"], encode(head["headers"]))
        self._asker = asker
        self._body = body
        self._run_id = run_id
        self.is_async = hasattr(body.items, "__aiter__")

    async def send(self) -> bytes:
        """The rest of Done."""
        items, has_begun = self._body.items, False
        try:
            async for item in items:
                for frame, rest in self._frames(item, has_begun):
                    await self._asker.ask(frame, rest)
                has_begun = True
        finally:
            if hasattr(items, "aclose"):
                await items.aclose()
        if not has_begun:
            await self._asker.ask(b"answer", self._head)
        return self._done()

    def send_now(self) -> bytes:
        """In a thread of the step's own."""
        items, has_begun = self._body.items, False
        try:
            for item in items:
                for frame, rest in self._frames(item, has_begun):
                    self._asker.ask(frame, rest)
                has_begun = True
        finally:
            if hasattr(items, "close"):
                items.close()
        if not has_begun:
            self._asker.ask(b"answer", self._head)
        return self._done()

    def _frames(self, item, has_begun: bool):
        piece = self._body.encode(item)
        if not has_begun:
            yield b"answer", self._head
        for at in range(0, len(piece), CHUNK_BYTES):
            chunk = base64.b64encode(piece[at : at + CHUNK_BYTES])
            yield b"chunk", b',"data_base64":"%s"' % chunk

    def _done(self) -> bytes:
        last = base64.b64encode(self._body.last(self._run_id)).decode()
        answer = {"streamed": True, "last_base64": last} if last else {"streamed": True}
        return b',"answer":' + encode(answer)
