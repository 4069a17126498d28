"""An engine for one attempt, in memory: holds emits and writes, reads its own writes, refuses the topic and the group `refused`."""

from __future__ import annotations

import asyncio
import atexit
import base64
import hashlib
import shutil
import tempfile
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from wistro.protocol.frames import (
    Answer,
    BlobGet,
    BlobPut,
    Chunk,
    Emit,
    Get,
    List,
    Log,
    Refusal,
    Write,
)
from wistro.store.state import version_of

OPTIONS = ("delay_s", "at_us", "key", "id", "now")
COMMITTED = {("committed", "b"): {"x": [2]}, ("committed", "a"): 1}

_kept = Path(tempfile.mkdtemp(prefix="wistro-blobs-"))
atexit.register(shutil.rmtree, _kept, ignore_errors=True)


class Recorder:
    def __init__(self) -> None:
        self.emits: list[tuple[str, Any]] = []
        self.options: list[dict[str, Any]] = []  # what an emit said besides its topic and data
        self.writes: list[tuple[Any, ...]] = []
        self.lines: list[tuple[Any, ...]] = []
        self.streamed: list[Any] = []  # an answer's status and headers, then its chunks
        self.chunks: list[int] = []  # bytes of each, of all uploads
        self._uploads: dict[int, bytearray] = {}
        self._state: dict[tuple[str, str], Any] = dict(COMMITTED)

    def emit(self, frame: Emit) -> Refusal | Awaitable[Refusal | None] | None:
        if frame.topic == "refused":
            return Refusal("message.does-not-fit", "`sku` must be a string", path="/sku")
        self.emits.append((frame.topic, frame.data))
        if options := {name: value for name in OPTIONS if (value := getattr(frame, name))}:
            self.options.append(options)
        return self._kept() if frame.now else None

    async def _kept(self) -> None:
        """What leaves at once is answered when it is on disk, and that takes time."""
        await asyncio.sleep(0)

    async def get(self, frame: Get) -> Any:  # a store's answer takes time
        if frame.group == "refused":
            return Refusal("state.too-many-reads", "an attempt reads at most 10,000 values")
        value = self._state.get((frame.group, frame.key))
        return {"value": value, "version": version_of(value)} if frame.versioned else value

    def list(self, frame: List) -> Any:
        if frame.group == "refused":
            return Refusal("state.too-many-reads", "an attempt reads at most 10,000 values")
        return [
            [key, self._state[group, key]]
            for group, key in sorted(self._state)
            if group == frame.group
        ]

    def write(self, frame: Write) -> None:
        versions = () if frame.if_version is None else (frame.if_version,)
        self.writes.append((frame.op, frame.group, frame.key, frame.value, *versions))
        if frame.op == "set":
            self._state[frame.group, frame.key] = frame.value
        elif frame.op == "delete":
            self._state.pop((frame.group, frame.key), None)
        elif frame.op == "clear":
            self._state = {at: value for at, value in self._state.items() if at[0] != frame.group}

    async def blob_put(self, frame: BlobPut) -> Any:
        content = self._uploads.setdefault(frame.upload, bytearray())
        chunk = base64.b64decode(frame.data_base64, validate=True)
        assert len(chunk) <= 1024 * 1024, "a chunk has at most 1 MiB"
        content += chunk
        self.chunks.append(len(chunk))
        if not frame.last:
            return None
        digest = hashlib.sha256(content).hexdigest()
        await asyncio.to_thread((_kept / digest).write_bytes, content)
        return {"blob": f"sha256:{digest}", "size": len(content)}

    async def answer(self, frame: Answer) -> Refusal | None:
        self.streamed.append((frame.status, frame.headers))
        return None

    async def chunk(self, frame: Chunk) -> Refusal | None:
        await asyncio.sleep(0)  # a caller reads no faster
        self.streamed.append(base64.b64decode(frame.data_base64, validate=True).decode())
        return None

    async def blob_get(self, frame: BlobGet) -> Any:
        path = _kept / frame.blob.removeprefix("sha256:")
        if not await asyncio.to_thread(path.is_file):
            return Refusal("blob.unknown", f"there is no blob `{frame.blob}`")
        return {"path": str(path), "size": path.stat().st_size}

    def log(self, frame: Log) -> None:
        self.lines.append((frame.level, frame.message, frame.fields, frame.source))
