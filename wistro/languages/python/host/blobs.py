"""`ctx.blobs`: bytes that travel beside the messages. Awaited in async handlers, blocking in sync ones."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

from wistro_sdk import BlobRef

from .values import encode

CHUNK_BYTES = 1024 * 1024  # wistro/protocol/frames.py, BlobPut


class Blobs:
    """Every method takes a reference as it stands in a message, or its `blob` alone."""

    __slots__ = ("_asker", "_last")

    def __init__(self, asker) -> None:
        self._asker = asker
        self._last = 0

    def put(self, content, *, type="", name=""):
        """Keep bytes, a file opened in binary mode, or the chunks of an iterator (async too); its BlobRef."""
        self._last += 1
        if asyncio._get_running_loop() is None:
            return self._put_now(self._last, content, type, name)
        return self._put(self._last, content, type, name)

    def get(self, blob):
        """All of it, as bytes."""
        return self._with(blob, _bytes_of)

    def open(self, blob):
        """A file opened in binary mode, to read it piece by piece. Close it."""
        return self._with(blob, lambda path: Path(path).open("rb"))

    def path(self, blob):
        """Where it lies on this machine, read-only, while the step runs."""
        return self._with(blob, lambda path: path)

    # Inside

    def _put_now(self, number, content, type, name):
        for chunk in _chunks(content):
            self._ask(number, chunk)
        return _reference(self._ask(number, b"", last=True), type, name)

    async def _put(self, number, content, type, name):
        if hasattr(content, "__aiter__"):
            async for piece in content:
                for chunk in _chunks(piece):
                    await self._ask(number, chunk)
        else:
            for chunk in _chunks(content):
                await self._ask(number, chunk)
        return _reference(await self._ask(number, b"", last=True), type, name)

    def _ask(self, number, chunk, *, last=False):
        rest = b',"upload":%d,"data_base64":"%s"' % (number, base64.b64encode(chunk))
        return self._asker.ask(b"blob_put", rest + (b',"last":true' if last else b""))

    def _with(self, blob, use):
        id = blob["blob"] if isinstance(blob, dict) else blob
        if not isinstance(id, str):
            raise TypeError(f"a blob is named by its reference, not by {blob!r}")
        answer = self._asker.ask(b"blob_get", b',"blob":' + encode(id))
        if asyncio._get_running_loop() is None:
            return use(answer["path"])
        return _awaited(answer, use)


async def _awaited(answer, use):
    return use((await answer)["path"])


def _bytes_of(path):
    return Path(path).read_bytes()


def _reference(answer, type, name):
    more = {"type": type} if type else {}
    return BlobRef(answer, **more, **({"name": name} if name else {}))


def _chunks(content):
    """Pieces of at most CHUNK_BYTES; small ones are gathered."""
    if isinstance(content, str):
        raise TypeError("a blob is bytes: encode the text first, or open the file with 'rb'")
    if isinstance(content, (bytes, bytearray, memoryview)):
        view = memoryview(content).cast("B")
        for at in range(0, len(view), CHUNK_BYTES):
            yield view[at : at + CHUNK_BYTES]
    elif hasattr(content, "read"):
        while piece := content.read(CHUNK_BYTES):
            yield from _chunks(piece)
    else:
        held = bytearray()
        for piece in content:
            if not isinstance(piece, (bytes, bytearray, memoryview)):
                raise TypeError(f"a blob is made of bytes, not of {piece!r}")
            held += piece
            while len(held) >= CHUNK_BYTES:
                yield bytes(held[:CHUNK_BYTES])
                del held[:CHUNK_BYTES]
        if held:
            yield bytes(held)
