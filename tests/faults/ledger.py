"""The client's log, outside the system: what was attempted and what was acknowledged, each line fsynced.

An attempt is on disk before its first byte is sent, an acknowledgement before it counts.
"""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

GROWS_BYTES = 4 * 1024 * 1024


@dataclass
class Log:
    """What a ledger holds, by key."""

    attempted: set[str] = field(default_factory=set)
    acknowledged: dict[str, str] = field(default_factory=dict)  # key -> the run's id
    changed: list[str] = field(default_factory=list)  # keys that were given two different answers
    refused: list[str] = field(default_factory=list)  # "key: status", where nobody may refuse


class Ledger:
    """Appends lines; `await` each of them until it is on disk. Lines that wait share one fsync."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("xb", buffering=0)
        self._written = self._room = 0
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._syncing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Ledger:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._syncing is not None:
            await self._syncing
        self._file.close()

    async def attempted(self, key: str) -> None:
        await self._append({"attempted": key})

    async def acknowledged(self, key: str, *, run_id: str) -> None:
        await self._append({"acknowledged": key, "run_id": run_id})

    async def refused(self, key: str, *, status: int) -> None:
        await self._append({"refused": key, "status": status})

    async def _append(self, entry: dict[str, object]) -> None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((json.dumps(entry).encode() + b"\n", done))
        if self._syncing is None or self._syncing.done():
            self._syncing = loop.create_task(self._sync())
        await done

    async def _sync(self) -> None:
        while self._waiting:
            lines, self._waiting = self._waiting, []
            await asyncio.to_thread(self._write, b"".join(line for line, _ in lines))
            for _, done in lines:
                if not done.done():  # its waiter may have been cancelled
                    done.set_result(None)

    def _write(self, lines: bytes) -> None:
        """Over zeros that are on disk already: then a sync waits for the data only, not for the file's new size."""
        if self._written + len(lines) > self._room:
            self._file.seek(self._room)
            self._room += self._file.write(bytes(GROWS_BYTES))
            os.fsync(self._file.fileno())
        self._file.seek(self._written)
        self._written += self._file.write(lines)
        os.fdatasync(self._file.fileno())


def read(path: Path) -> Log:
    """The whole log, from the file and nothing else."""
    log = Log()
    for line in path.read_bytes().rstrip(b"\0").splitlines():
        entry = json.loads(line)
        if key := entry.get("attempted"):
            log.attempted.add(key)
        elif key := entry.get("acknowledged"):
            if log.acknowledged.setdefault(key, entry["run_id"]) != entry["run_id"]:
                log.changed.append(key)
        else:
            log.refused.append(f"{entry['refused']}: {entry['status']}")
    return log
