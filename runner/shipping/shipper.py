"""Sends one environment's spool to the Hub, in order, until it is acknowledged; what is sent twice is taken once.

Streams go oldest first, one batch in flight. While the Hub is away, records wait on disk.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from runner.hub import HubGone, HubRefused, NoPoolToken, backoff_s
from wistro.protocol.records import RecordsTaken
from wistro.records.segments import is_segment
from wistro.records.spool import Portion, SpoolReader

log = logging.getLogger("runner.shipping")
RECORDS = 1000
BYTES = 4 * 1024 * 1024
LOOK_S = 0.05
REFUSED_S = 5.0  # a fence or a grant that is over: the next assignment tells
UNFIT = (400, 413, 422)  # the batch itself is what is refused


class Hub(Protocol):
    """The part of runner.hub.Hub that is needed here."""

    async def send(
        self, path: str, message: object, *, answer: type[RecordsTaken]
    ) -> RecordsTaken | None: ...


class Batch(msgspec.Struct):
    """wistro.protocol.records.RecordsBatch with its records as they lie in the spool."""

    environment_id: str
    fence: int
    stream: str
    records: list[msgspec.Raw]


class Shipper:
    """`run` until cancelled. `caught_up` is set while all that the spool holds is acknowledged."""

    def __init__(
        self,
        environment_id: str,
        spool: Path,
        *,
        hub: Hub,
        fence: Callable[[], int],
        jitter: random.Random,
    ) -> None:
        self._environment_id = environment_id
        self._reader = SpoolReader(spool)
        self._hub = hub
        self._fence = fence
        self._jitter = jitter
        self._most = RECORDS
        self.caught_up = asyncio.Event()

    async def run(self) -> None:
        waits = None
        seen: object = None
        while True:
            now = _looks_like(self._reader.folder)
            if now == seen:
                self.caught_up.set()
                await asyncio.sleep(LOOK_S)
                continue
            self.caught_up.clear()
            try:
                await self._ship_all()
            except (HubGone, NoPoolToken, OSError) as error:
                if waits is None:
                    log.warning("records of %s wait: %s", self._environment_id, error)
                    waits = backoff_s(jitter=self._jitter)
                await asyncio.sleep(LOOK_S + next(waits))
            except HubRefused as refused:
                log.error("records of %s are refused: %s", self._environment_id, refused)
                await asyncio.sleep(REFUSED_S)
            else:
                # What was written while we shipped looks different from what was seen before it.
                waits, seen = None, now

    async def _ship_all(self) -> None:
        for stream in await asyncio.to_thread(self._reader.streams):
            seq = await asyncio.to_thread(self._reader.acknowledged, stream)
            while (portion := await self._read(stream, seq)).lines:
                seq = await self._ship(stream, portion, after_seq=seq)
                await asyncio.to_thread(self._reader.acknowledge, stream, seq)

    async def _read(self, stream: str, after_seq: int) -> Portion:
        portion = await asyncio.to_thread(
            self._reader.read, stream, after_seq=after_seq, limit=self._most
        )
        return _cut(portion, after_seq)

    async def _ship(self, stream: str, portion: Portion, *, after_seq: int) -> int:
        """Send it; up to where the stream is kept now. Raises HubGone or HubRefused."""
        records = [msgspec.Raw(line) for line in portion.lines]
        batch = Batch(self._environment_id, self._fence(), stream, records)
        try:
            taken = await self._hub.send("/records", batch, answer=RecordsTaken)
        except HubRefused as refused:
            if refused.status not in UNFIT:
                raise
            return self._made_smaller(portion, refused, after_seq)
        if taken is None or taken.stream != stream or taken.seq <= after_seq:
            raise HubGone(f"the Hub took nothing of {len(records)} records")
        self._most = min(self._most * 2, RECORDS)
        return min(taken.seq, portion.last)

    def _made_smaller(self, portion: Portion, refused: HubRefused, after_seq: int) -> int:
        """A batch that does not fit is halved; a single record that does not is left out, as a gap."""
        if len(portion.lines) > 1:
            self._most = len(portion.lines) // 2
            return after_seq
        log.error(
            "record %d of %s is refused and left out: %s",
            portion.last,
            self._environment_id,
            refused,
        )
        return portion.last


def _cut(portion: Portion, after_seq: int) -> Portion:
    """At most so many bytes, at least one record."""
    size = 0
    for index, line in enumerate(portion.lines):
        size += len(line)
        if size > BYTES and index:
            lines = portion.lines[:index]
            return Portion(lines, msgspec.json.decode(lines[-1], type=_Numbered).seq)
    return portion


class _Numbered(msgspec.Struct):
    seq: int


def _looks_like(spool: Path) -> object:
    """Changes when there is more to ship: cheap, since it is asked for twenty times a second."""
    found: list[tuple[str, str, int]] = []
    try:
        with os.scandir(spool) as streams:
            folders = [one.path for one in streams if one.is_dir()]
        for folder in folders:
            with os.scandir(folder) as files:
                found += [
                    (folder, one.name, one.stat().st_size) for one in files if is_segment(one.name)
                ]
    except OSError:
        return None
    return sorted(found)
