"""What is too large for a message, or no text: kept beside it as blobs, named by the run, fetched when it is needed."""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import TYPE_CHECKING, Any

import msgspec

from wistro.blobs.port import Blobs, BlobsBroken, Kept, Upload
from wistro.engine.emitted import Emitted
from wistro.engine.limits import Limits
from wistro.protocol import blobs as blob
from wistro.protocol.frames import BlobGet, BlobPut, Refusal

if TYPE_CHECKING:
    from wistro.engine.loaded import TopicPlan

BROKEN = "blob.store-broken"
UNKNOWN = "blob.unknown"
GONE_HINT = (
    "A blob goes with the last run that names it: put it again, or keep what must last elsewhere."
)


class BlobGone(Exception):
    """A message whose content is no longer kept."""


class Payloads:
    def __init__(self, blobs: Blobs, limits: Limits) -> None:
        self._blobs = blobs
        self._limits = limits

    def concerns(self, message: bytes) -> bool:
        """Whether `kept` has anything to do; for most messages it has not."""
        return (
            len(message) > self._limits.message_bytes
            or blob.may_name(message)
            or blob.is_large(message)
        )

    async def emitted(
        self, plan: TopicPlan, message: bytes, value: Any, *, run_id: str
    ) -> Emitted | Refusal:
        """A message from outside a step, ready to leave."""
        emitted = Emitted(plan, message)
        if self.concerns(message):
            kept = await self.kept(message, value, run_id=run_id)
            if isinstance(kept, Refusal):
                return kept
            emitted.large = kept
        return emitted

    async def kept(self, message: bytes, value: Any, *, run_id: str) -> bytes | Refusal:
        """The message as it goes into the store: itself, or a reference to where it is kept. What it names is kept for
        the run. A message that only looks like such a reference is kept as a blob too, so it is never taken for one."""
        try:
            for id, path in blob.named_in(value) if blob.may_name(message) else ():
                if await self._blobs.name(blob.digest_of(id), run_id=run_id) is None:
                    return Refusal(UNKNOWN, f"there is no blob `{id}`", path, GONE_HINT)
            if len(message) <= self._limits.message_bytes and not blob.is_large(message):
                return message
            one = await self._put(message, run_id)
        except BlobsBroken as error:
            return Refusal(BROKEN, f"the message could not be kept: {error}")
        return msgspec.json.encode({blob.LARGE: blob.reference(one.sha256, one.size)})

    async def whole(self, message: bytes) -> bytes:
        """The message that a stored one stands for. Raises BlobGone, BlobsBroken."""
        if not blob.is_large(message):
            return message
        id = msgspec.json.decode(message)[blob.LARGE]["blob"]
        path = await self._blobs.path(blob.digest_of(id))
        if path is None:
            raise BlobGone(f"the message's content `{id}` is no longer kept")
        return await asyncio.to_thread(path.read_bytes)

    async def _put(self, content: bytes, run_id: str) -> Kept:
        upload = self._blobs.upload()
        try:
            await upload.write(content)
            return await upload.finish(run_id=run_id)
        finally:
            upload.abort()

    def of(self, run_id: str) -> BlobAsks:
        return BlobAsks(self._blobs, self._limits, run_id)


class BlobAsks:
    """An attempt's own blobs: what its step puts, chunk by chunk, and what it asks for."""

    def __init__(self, blobs: Blobs, limits: Limits, run_id: str) -> None:
        self._blobs = blobs
        self._limits = limits
        self._run_id = run_id
        self._uploads: dict[int, tuple[Upload, asyncio.Lock]] = {}
        self._is_over = False

    async def put(self, frame: BlobPut) -> dict[str, Any] | Refusal | None:
        """None for a chunk; the reference for the last."""
        upload, turn = self._uploads.get(frame.upload) or self._begun(frame.upload)
        async with turn:
            try:
                refusal = await self._take(upload, frame)
                if refusal is None and not frame.last:
                    return None
                self._uploads.pop(frame.upload, None)  # all are gone when its attempt is over
                if refusal is not None:
                    upload.abort()
                    return refusal
                kept = await upload.finish(run_id=self._run_id)
            except BlobsBroken as error:
                upload.abort()
                return Refusal(BROKEN, f"the blob could not be kept: {error}")
        return blob.reference(kept.sha256, kept.size)

    def _begun(self, number: int) -> tuple[Upload, asyncio.Lock]:
        self._uploads[number] = begun = (self._blobs.upload(), asyncio.Lock())
        return begun

    async def _take(self, upload: Upload, frame: BlobPut) -> Refusal | None:
        try:
            chunk = base64.b64decode(frame.data_base64, validate=True)
        except binascii.Error:
            return Refusal("blob.unreadable", "a chunk is no base64")
        if len(self._uploads) > self._limits.uploads:
            return Refusal("blob.too-many", f"at most {self._limits.uploads} uploads at once")
        if upload.size + len(chunk) > self._limits.blob_bytes:
            most = self._limits.blob_bytes
            return Refusal("blob.too-large", f"a blob has at most {most:,} bytes")
        if chunk and not self._is_over:
            await upload.write(chunk)
        return None

    async def get(self, frame: BlobGet) -> dict[str, Any] | Refusal:
        """A file that the host may read. What a step got hold of is kept for its run too."""
        if not blob.is_id(frame.blob):
            return Refusal("blob.no-reference", f"`{frame.blob[:100]}` names no blob")
        digest = blob.digest_of(frame.blob)
        try:
            size = await self._blobs.name(digest, run_id=self._run_id)
            path = None if size is None else await self._blobs.path(digest)
        except BlobsBroken as error:
            return Refusal(BROKEN, f"the blob could not be read: {error}")
        if path is None:
            return Refusal(UNKNOWN, f"there is no blob `{frame.blob}`", None, GONE_HINT)
        return {"path": str(path), "size": size}

    def abort(self) -> None:
        """The attempt is over: what was not finished is forgotten."""
        self._is_over = True
        for upload, _ in self._uploads.values():
            upload.abort()
        self._uploads.clear()
