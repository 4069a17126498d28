"""The thread that both sinks write in: chunks come in order, are kept in batches, and told once they are kept."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable

from wistro.store.port import Chunk

log = logging.getLogger("wistro.records")

LINES_IN_MEMORY_BYTES = 8 * 1024 * 1024
BATCH_BYTES = 4 * 1024 * 1024
BATCH_EVERY_S = 0.1
AGAIN_AFTER_S = 1.0


class ChunkWriter:
    """Calls `keep(chunks)` in its thread; an OSError or a full database is waited out, the chunks are kept later."""

    def __init__(self, keep: Callable[[list[Chunk]], None], *, name: str) -> None:
        self._keep = keep
        self._waiting: deque[Chunk] = deque()
        self._between: deque[Callable[[], None]] = deque()
        self._lines_bytes = 0
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._kept = threading.Condition()
        self._taken_count = 0
        self._kept_count = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def take(self, chunk: Chunk) -> None:
        """Lines beyond the memory for them are dropped; their numbers are missing then, which is shown as a gap."""
        if not chunk.durable:
            if self._lines_bytes + len(chunk.lines) > LINES_IN_MEMORY_BYTES:
                return
            self._lines_bytes += len(chunk.lines)
        self._taken_count += 1
        self._waiting.append(chunk)
        self._wake.set()

    def between(self, work: Callable[[], None]) -> None:
        """Done in the thread, between two batches; done again later when it fails."""
        self._between.append(work)
        self._wake.set()

    async def flush(self, *, timeout_s: float = 30.0) -> None:
        """Returns when all that was taken so far is kept, or after `timeout_s`: the rest is in the outbox."""
        await asyncio.to_thread(self._wait_for, self._taken_count, timeout_s)

    async def close(self) -> None:
        self._stop.set()
        self._wake.set()
        await asyncio.to_thread(self._thread.join)

    def _wait_for(self, count: int, timeout_s: float) -> None:
        self._wake.set()
        with self._kept:
            self._kept.wait_for(lambda: self._kept_count >= count, timeout=timeout_s)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            self._do_between()
            while batch := self._batch():
                if not self._keep_or_wait(batch):
                    return
            if self._stop.is_set():
                return
            # A pause gathers what comes meanwhile, so that a busy engine pays for few, large batches.
            self._stop.wait(BATCH_EVERY_S)

    def _do_between(self) -> None:
        try:
            while self._between:
                self._between[0]()
                self._between.popleft()
        except Exception:
            log.exception("another engine's records could not be kept; trying again")
            self._wake.set()

    def _batch(self) -> list[Chunk]:
        batch: list[Chunk] = []
        size = 0
        while self._waiting and size < BATCH_BYTES:
            chunk = self._waiting.popleft()
            size += len(chunk.lines)
            if not chunk.durable:
                self._lines_bytes -= len(chunk.lines)
            batch.append(chunk)
        return batch

    def _keep_or_wait(self, batch: list[Chunk]) -> bool:
        while True:
            try:
                self._keep(batch)
            except Exception:
                # Disk full, file gone, …: what is durable is still in the outbox, so waiting loses nothing.
                log.exception("records could not be kept; trying again")
                if self._stop.wait(AGAIN_AFTER_S):
                    return False
                continue
            with self._kept, contextlib.suppress(RuntimeError):
                self._kept_count += len(batch)
                self._kept.notify_all()
            return True
