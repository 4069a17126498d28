"""Bodies that do not simply fit a frame: forms with files, large ones, and those whose endpoint asks for a blob.

A file of a form is a blob whatever its size, so a step reads all of them alike. Blobs are named by the call's run; of a
call that comes to nothing they go when runs of its age do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import multipart

from wistro.blobs.port import Blobs, BlobsBroken, Kept, Upload
from wistro.engine import answers, bodies
from wistro.engine.limits import Limits
from wistro.protocol import blobs as blob
from wistro.triggers.port import EndpointCall

READ_AT_ONCE = 1024 * 1024
FIELD_BYTES = 1024 * 1024
ALL_FIELDS_BYTES = 4 * 1024 * 1024
FORM = "multipart/form-data"


class Intake:
    def __init__(self, blobs: Blobs, limits: Limits) -> None:
        self._blobs = blobs
        self._limits = limits

    def concerns(self, call: EndpointCall, *, wants_blob: bool) -> bool:
        """Whether the body is more than `bodies.parse` reads."""
        if call.file is not None:
            return True
        return bool(call.body) and (
            wants_blob
            or len(call.body) > self._limits.frame_body_bytes
            or bodies.kind_of(call)[0].startswith("multipart/")
        )

    async def read(
        self, call: EndpointCall, *, run_id: str, needs_json: bool, wants_blob: bool
    ) -> bodies.Body:
        """Raises what `bodies.parse` does, BodyTooLarge, and Unavailable where blobs cannot be kept."""
        try:
            kind, options = bodies.kind_of(call)
            if kind.startswith("multipart/") and not wants_blob:
                return await self._form(call, kind, options, run_id)
            if call.file is None and not wants_blob and not _is_text(kind):
                body = bodies.parse(call, needs_json=needs_json)
            elif needs_json and not wants_blob:
                raise bodies.BodyTooLarge("the body is larger than what is checked by a schema")
            else:
                body = bodies.NOTHING
            return await self._whole(call, body, kind, run_id)
        except BlobsBroken as error:
            raise answers.Unavailable(f"the body could not be kept: {error}") from error

    async def _whole(
        self, call: EndpointCall, body: bodies.Body, kind: str, run_id: str
    ) -> bodies.Body:
        """The raw bytes go into a blob; what was not parsed is its reference."""
        kept = await self._kept(_chunks(call), run_id)
        path = await self._blobs.path(kept.sha256)
        value, encoded = body.value, body.encoded
        if body is bodies.NOTHING:
            value = encoded = blob.reference(kept.sha256, kept.size, type=kind)
        return bodies.Body(value, encoded, blob.PREFIX + kept.sha256, str(path))

    async def _kept(self, chunks: AsyncIterator[bytes], run_id: str) -> Kept:
        upload = self._blobs.upload()
        try:
            async for chunk in chunks:
                await upload.write(chunk)
            return await upload.finish(run_id=run_id)
        finally:
            upload.abort()

    # Forms

    async def _form(
        self, call: EndpointCall, kind: str, options: dict[str, str], run_id: str
    ) -> bodies.Body:
        if kind != FORM or not options.get("boundary"):
            raise bodies.UnknownContentType(f"`{kind}` without a boundary, or of another kind")
        form = _Form(self._blobs, run_id)
        parser = multipart.PushMultipartParser(
            options["boundary"], max_segment_count=bodies.MAX_FIELDS
        )
        try:
            async for chunk in _chunks(call):
                for event in parser.parse(chunk):
                    await form.take(event)
            parser.close()
        except multipart.MultipartError as error:
            raise bodies.UnreadableBody(f"the body is no form: {error}") from error
        finally:
            form.abort()
        value = form.value
        raw = call.body if len(call.body) <= self._limits.frame_body_bytes else b""
        return bodies.Body(value, value, raw=raw)


class _Form:
    """A form's fields as they come."""

    def __init__(self, blobs: Blobs, run_id: str) -> None:
        self._blobs = blobs
        self._run_id = run_id
        self._values: dict[str, list[Any]] = {}
        self._part: multipart.MultipartSegment | None = None
        self._upload: Upload | None = None
        self._text = bytearray()
        self._text_bytes = 0

    @property
    def value(self) -> dict[str, Any]:
        """A field that came more than once is a list, as in other forms."""
        return {name: one[0] if len(one) == 1 else one for name, one in self._values.items()}

    async def take(self, event: multipart.MultipartSegment | bytes | bytearray | None) -> None:
        if event is None:
            await self._end()
        elif isinstance(event, multipart.MultipartSegment):
            self._part, self._text = event, bytearray()
            self._upload = self._blobs.upload() if event.filename is not None else None
        elif self._upload is not None:
            await self._upload.write(bytes(event))
        else:
            self._text += event
            self._text_bytes += len(event)
            if len(self._text) > FIELD_BYTES or self._text_bytes > ALL_FIELDS_BYTES:
                raise bodies.BodyTooLarge("a form's texts are larger than what a step is given")

    async def _end(self) -> None:
        part, upload = self._part, self._upload
        assert part is not None
        self._upload = None
        name = part.name or ""
        if upload is None:
            text = bodies.decoded(bytes(self._text), part.charset or "utf-8")
            self._values.setdefault(name, []).append(text)
        elif upload.size or part.filename:  # else nothing was chosen in the form
            kept = await upload.finish(run_id=self._run_id)
            file = blob.reference(
                kept.sha256, kept.size, type=part.content_type or "", name=part.filename or ""
            )
            self._values.setdefault(name, []).append(file)

    def abort(self) -> None:
        if self._upload is not None:
            self._upload.abort()


def _is_text(kind: str) -> bool:
    """A text is sent to the host escaped, so a large one may not fit: it stays a blob."""
    return kind.startswith("text/") or kind == "application/x-www-form-urlencoded"


async def _chunks(call: EndpointCall) -> AsyncIterator[bytes]:
    if call.file is None:
        for at in range(0, len(call.body), READ_AT_ONCE):
            yield call.body[at : at + READ_AT_ONCE]
        return
    call.file.seek(0)
    while chunk := await asyncio.to_thread(call.file.read, READ_AT_ONCE):
        yield chunk
