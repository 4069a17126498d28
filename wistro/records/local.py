"""A laptop's records: appended to a spool at once, indexed when the engine is idle, when someone reads, or when much waits.

Kept 7 days or 1 GiB.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable

from wistro.records.index import KEPT_BYTES, SPOOL, RecordsIndex
from wistro.records.redact import Redactor
from wistro.records.spool import Spool
from wistro.store.port import Chunk

log = logging.getLogger("wistro.records")

IDLE_S = 0.5  # nothing came for so long: the engine has time for the index
MOST_WAITING_BYTES = 256 * 1024 * 1024  # beyond it the index is filled beside whatever else is done
LOOK_EVERY_S = 5.0
TRIM_EVERY_S = 600.0


class LocalRecords:
    """Implements `Sink`. `on_kept(chunks)` is called in the writing thread once they are kept, without secrets."""

    def __init__(
        self,
        index: RecordsIndex,
        *,
        redactor: Redactor | None = None,
        on_kept: Callable[[list[Chunk]], None] = lambda chunks: None,
    ) -> None:
        self._index = index
        self._on_kept = on_kept
        self._spool = Spool(index.path.parent / SPOOL, redactor=redactor, on_kept=self._kept)
        self._kept_at = 0.0
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._fill, name="records-index", daemon=True)

    def start(
        self,
        *,
        leftovers: list[Chunk],
        streams: list[tuple[str, int]],
        at_us: int,
        forget: Callable[[str, int], None],
    ) -> None:
        self._spool.start(leftovers=leftovers, streams=streams, at_us=at_us, forget=forget)
        self._thread.start()

    def adopt(self, *, leftovers: list[Chunk], streams: list[tuple[str, int]], at_us: int) -> None:
        self._spool.adopt(leftovers=leftovers, streams=streams, at_us=at_us)

    def protect(self, secrets: Iterable[str]) -> None:
        self._spool.protect(secrets)

    def take(self, chunk: Chunk) -> None:
        self._spool.take(chunk)

    async def flush(self) -> None:
        await self._spool.flush()

    async def close(self) -> None:
        await self._spool.close()
        self._stop.set()
        self._wake.set()
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join)

    def _kept(self, chunks: list[Chunk]) -> None:
        self._kept_at = time.monotonic()
        if not self._wake.is_set():
            self._wake.set()
        self._on_kept(chunks)

    def _fill(self) -> None:
        """The index's thread: it ends with the engine, whatever waits then is found by the next reader."""
        trim_at = 0.0
        while not self._stop.is_set():
            self._wake.wait()
            self._wake.clear()
            try:
                while self._may_fill() and self._index.take_portion():
                    pass
                if time.monotonic() >= trim_at:
                    trim_at = time.monotonic() + TRIM_EVERY_S
                    self._index.trim()
            except (OSError, sqlite3.Error):
                # A full disk, or a reader that holds the index for long: the spool keeps all of it.
                log.exception("records could not be indexed; trying again later")
                self._stop.wait(LOOK_EVERY_S)

    def _may_fill(self) -> bool:
        """Waits until the engine is idle; or not, when too much waits."""
        look_at = time.monotonic() + LOOK_EVERY_S
        while (quiet := time.monotonic() - self._kept_at) < IDLE_S:
            if self._stop.wait(IDLE_S - quiet):
                return False
            if time.monotonic() >= look_at:
                waiting = self._index.waiting_bytes()
                if waiting > KEPT_BYTES:
                    self._index.drop_waiting()
                if waiting > MOST_WAITING_BYTES:
                    return True
                look_at = time.monotonic() + LOOK_EVERY_S
        return not self._stop.is_set()
