"""Records on disk until they are shipped: a folder a stream, segments of JSON lines named by their first seq.

The engine writes (`Spool`), the shipper reads and acknowledges (`SpoolReader`, another process). Secrets are taken
out before anything is written. A record's outbox row goes once its segment is fsynced.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import msgspec

from wistro.protocol.records import ClosedRecord
from wistro.records.redact import Redactor
from wistro.records.segments import (
    ACKNOWLEDGED,
    acknowledged,
    first_of,
    last_seq,
    new_segment,
    segments,
    seq_of,
    sync_folder,
    truncate_torn,
)
from wistro.records.writing import ChunkWriter
from wistro.store.port import Chunk

SEGMENT_BYTES = 1024 * 1024


class Spool:
    """Implements `Sink`. `on_kept(chunks)` is called in the writing thread with what was written, as it was."""

    def __init__(
        self,
        folder: Path,
        *,
        redactor: Redactor | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        on_kept: Callable[[list[Chunk]], None] = lambda chunks: None,
    ) -> None:
        self.folder = folder
        self._on_kept = on_kept
        self._redactor = redactor or Redactor()
        self._segment_bytes = segment_bytes
        self._writer = ChunkWriter(self._keep, name="records-spool")
        self._open: tuple[str, BinaryIO] | None = None
        self._written: dict[str, int] = {}  # stream -> the highest seq in its segments

    def start(
        self,
        *,
        leftovers: list[Chunk],
        streams: list[tuple[str, int]],
        at_us: int,
        forget: Callable[[str, int], None],
    ) -> None:
        self._forget = forget
        self.folder.mkdir(parents=True, exist_ok=True)
        self._recover_all(leftovers, streams, at_us)
        self._writer.start()

    def adopt(self, *, leftovers: list[Chunk], streams: list[tuple[str, int]], at_us: int) -> None:
        self._writer.between(lambda: self._recover_all(leftovers, streams, at_us))

    def protect(self, secrets: Iterable[str]) -> None:
        self._redactor.add(secrets)

    def take(self, chunk: Chunk) -> None:
        self._writer.take(chunk)

    async def flush(self) -> None:
        await self._writer.flush()

    async def close(self) -> None:
        await self._writer.close()
        self._close_segment()

    def _recover_all(
        self, leftovers: list[Chunk], streams: list[tuple[str, int]], at_us: int
    ) -> None:
        for stream, last in streams:
            self._recover(stream, last, [one for one in leftovers if one.stream == stream], at_us)

    def _recover(self, stream: str, last: int, leftovers: list[Chunk], at_us: int) -> None:
        """Write what the earlier boot did not, under its own numbers, then the record that closes its stream."""
        folder = self.folder / stream
        folder.mkdir(exist_ok=True)
        for segment in segments(folder):
            truncate_torn(segment)
        written = max(acknowledged(folder), last_seq(folder))
        self._written[stream] = written
        if not _is_closed(folder):
            for chunk in self._redacted(leftovers):
                self._append(chunk)
            seq = max(last, self._written[stream]) + 1
            closed = msgspec.json.encode(ClosedRecord(seq, at_us)) + b"\n"
            self._append(Chunk(stream, seq, seq, closed, durable=True))
            self._sync()
            self._close_segment()
        self._forget(stream, max(last, self._written[stream]))

    def _keep(self, chunks: list[Chunk]) -> None:
        chunks = self._redacted(chunks)
        try:
            for chunk in chunks:
                self._append(chunk)
            if any(chunk.durable for chunk in chunks):
                self._sync()
                self._forget(chunks[-1].stream, max(one.last for one in chunks if one.durable))
            elif self._open is not None:
                self._open[1].flush()  # lines of a step that still runs are read by the shipper now
        except OSError:
            # After a failed write or fsync nothing is known of this file: what is not forgotten is written
            # again, into another segment; a reader takes each seq once.
            self._abandon_segment(chunks)
            raise
        if self._open is not None and self._open[1].tell() >= self._segment_bytes:
            self._close_segment()
        self._on_kept(chunks)

    def _redacted(self, chunks: list[Chunk]) -> list[Chunk]:
        return [
            chunk
            if (lines := self._redactor.lines(chunk.lines)) is chunk.lines
            else replace(chunk, lines=lines)
            for chunk in chunks
        ]

    def _append(self, chunk: Chunk) -> None:
        written = self._written.get(chunk.stream, 0)
        if chunk.last <= written:
            return
        lines = chunk.lines
        if chunk.first <= written:
            lines = b"".join(one for one in lines.splitlines(True) if seq_of(one) > written)
        self._segment(chunk).write(lines)
        self._written[chunk.stream] = chunk.last

    def _segment(self, chunk: Chunk) -> BinaryIO:
        if self._open is not None and self._open[0] == chunk.stream:
            return self._open[1]
        self._close_segment()
        folder = self.folder / chunk.stream
        folder.mkdir(parents=True, exist_ok=True)
        first = max(chunk.first, self._written.get(chunk.stream, 0) + 1)
        file = new_segment(folder, first)
        sync_folder(folder)
        sync_folder(self.folder)
        self._open = (chunk.stream, file)
        return file

    def _sync(self) -> None:
        if self._open is not None:
            self._open[1].flush()
            os.fsync(self._open[1].fileno())

    def _close_segment(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _abandon_segment(self, chunks: list[Chunk]) -> None:
        with contextlib.suppress(OSError):
            self._close_segment()
        self._open = None
        for chunk in chunks:
            before = min(self._written.get(chunk.stream, 0), chunk.first - 1)
            self._written[chunk.stream] = before


@dataclass(frozen=True)
class Portion:
    """Part of a stream: each record's line, ordered by seq; `last` is the last one's seq."""

    lines: list[bytes]
    last: int


class SpoolReader:
    """The shipper's side. Reads what is there; removes what was acknowledged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._places: dict[
            str, tuple[int, Path, int]
        ] = {}  # stream -> read up to seq, at segment, offset

    def streams(self) -> list[str]:
        """Oldest first: streams are named by time."""
        if not self.folder.is_dir():
            return []
        return sorted(one.name for one in self.folder.iterdir() if one.is_dir())

    def size(self) -> int:
        """Bytes of all that is not acknowledged, to about a segment."""
        found = (one for stream in self.streams() for one in segments(self.folder / stream))
        return sum(one.stat().st_size for one in found if one.exists())

    def acknowledged(self, stream: str) -> int:
        return acknowledged(self.folder / stream)

    def read(self, stream: str, *, after_seq: int, limit: int = 1_000) -> Portion:
        """The records after `after_seq`, at most `limit`; an unfinished last line is left for later."""
        folder = self.folder / stream
        start, offset = self._place(stream, after_seq)
        lines: list[bytes] = []
        last = after_seq
        for segment in segments(folder):
            if start is not None and segment.name < start.name:
                continue
            with contextlib.suppress(FileNotFoundError), segment.open("rb") as file:
                file.seek(offset if segment == start else 0)
                while len(lines) < limit and (line := file.readline()).endswith(b"\n"):
                    if (seq := seq_of(line)) > last:
                        lines.append(line[:-1])
                        last = seq
                    self._places[stream] = (last, segment, file.tell())
            if len(lines) >= limit:
                break
        return Portion(lines, last)

    def acknowledge(self, stream: str, seq: int) -> None:
        """Everything up to `seq` is kept elsewhere: whole segments below it go, and a closed stream with its last."""
        folder = self.folder / stream
        found = segments(folder)
        if not found:
            return
        if _is_closed(folder) and last_seq(folder) <= seq:
            for one in (*found, folder / ACKNOWLEDGED):
                one.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # something that is not ours lies there
                folder.rmdir()
            self._places.pop(stream, None)
            return
        beside = folder / f"{ACKNOWLEDGED}.new"
        beside.write_text(str(seq))
        beside.replace(folder / ACKNOWLEDGED)
        for segment, following in pairwise(found):
            if first_of(following) <= seq + 1:
                segment.unlink(missing_ok=True)

    def drop_half(self, stream: str) -> None:
        """The older half of a stream's segments goes unread."""
        found = segments(self.folder / stream)
        for segment in found[: len(found) // 2]:
            segment.unlink(missing_ok=True)

    def _place(self, stream: str, after_seq: int) -> tuple[Path | None, int]:
        seq, segment, offset = self._places.get(stream, (-1, Path(), 0))
        if seq != after_seq or not segment.exists():
            return None, 0
        return segment, offset


def _is_closed(folder: Path) -> bool:
    found = segments(folder)
    if not found:
        return False
    with found[-1].open("rb") as file:
        lines = file.read().splitlines()
    return bool(lines) and b'"kind":"closed"' in lines[-1][:40]
