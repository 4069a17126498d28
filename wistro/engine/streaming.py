"""An endpoint's answer on its way: chunks leave while the step works, the last one after its attempt has committed.

The status promises nothing; a body that ends whole, with its last event, does. Where the step fails half-way the caller's
connection is cut.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

from wistro.engine import answers
from wistro.http.message import UnsendableHeader
from wistro.http.streaming import CallerLeft, Sink
from wistro.protocol.frames import Answer, Chunk, Refusal

KEPT_BYTES = 1024 * 1024  # of a stream, for who asks again under the same key
GONE = Refusal("answer.caller-gone", "the caller has left")


class Streaming:
    """One call's. Without a sink (a replay, a test) chunks are counted and go nowhere."""

    def __init__(self, sink: Sink | None, *, keeps: bool) -> None:
        self._sink = sink
        self._kept: bytearray | None = bytearray() if keeps else None
        self._hash = hashlib.sha256()
        self._bytes = 0
        self.begun: tuple[int, list[tuple[str, str]]] | None = None

    async def begin(self, frame: Answer) -> Refusal | None:
        if self.begun is not None:
            return Refusal("answer.begun", "the answer has begun already")
        try:
            answer = answers.from_step({"status": frame.status, "headers": frame.headers})
            if self._sink is not None:
                self._sink.begin(answer.status, answer.headers)
        except (answers.BadAnswer, UnsendableHeader) as error:
            return Refusal("endpoint.bad-answer", str(error))
        except CallerLeft:
            return GONE
        self.begun = (answer.status, answer.headers)
        return None

    async def write(self, frame: Chunk) -> Refusal | None:
        """Answered when there is room for more."""
        if self.begun is None:
            return Refusal("answer.not-begun", "a chunk without an answer")
        try:
            chunk = base64.b64decode(frame.data_base64, validate=True)
        except binascii.Error:
            return Refusal("endpoint.bad-answer", "a chunk is no base64")
        self._count(chunk)
        if self._sink is not None:
            try:
                await self._sink.write(chunk)
            except CallerLeft:
                return GONE
        return None

    def _count(self, chunk: bytes) -> None:
        self._bytes += len(chunk)
        self._hash.update(chunk)
        if self._kept is not None:
            self._kept += chunk
            if len(self._kept) > KEPT_BYTES:
                self._kept = None

    def told(self, returned: dict[str, Any]) -> dict[str, Any]:
        """For the record: what was sent, by its digest."""
        status, headers = self.begun or (200, [])
        sent = {"bytes": self._bytes, "sha256": self._hash.hexdigest()}
        return {"status": status, "headers": dict(headers), "streamed": sent, **_last(returned)}

    def whole(self, last: bytes) -> bytes:
        """What is kept of it under a caller's key: all of a small one, else its last event, which is what counts."""
        return last if self._kept is None else bytes(self._kept) + last


def is_streamed(returned: Any) -> bool:
    return isinstance(returned, dict) and returned.get("streamed") is True


def last_chunk(returned: dict[str, Any]) -> bytes:
    """Raises BadAnswer."""
    try:
        return base64.b64decode(returned.get("last_base64") or "", validate=True)
    except (TypeError, ValueError) as error:
        raise answers.BadAnswer("`last_base64` is no base64") from error


def _last(returned: dict[str, Any]) -> dict[str, Any]:
    return {"last_base64": returned["last_base64"]} if returned.get("last_base64") else {}
