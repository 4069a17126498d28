"""One segment file of a spool: its lines' numbers, its torn end, its folder on disk."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO

SEGMENT = ".jsonl"
ACKNOWLEDGED = "acknowledged"  # beside the segments: up to which seq the Hub has them
_NAME = re.compile(r"\d{20}-\d{3}\.jsonl")
_SEQ = re.compile(rb'\{"kind":"[a-z]+","seq":(\d+)')


def seq_of(line: bytes) -> int:
    """A record line's number, without decoding it; 0 when it is no record."""
    found = _SEQ.match(line)
    return int(found[1]) if found else 0


def new_segment(folder: Path, first: int) -> BinaryIO:
    """A file that was not there: one that a failed write left may have the same first number."""
    for again in count():
        with suppress(FileExistsError):
            return (folder / f"{first:020}-{again:03}{SEGMENT}").open("xb")
    raise AssertionError("count() does not end")


def is_segment(name: str) -> bool:
    """Whether a file is one of ours: a person or a tool may have put others beside them."""
    return _NAME.fullmatch(name) is not None


def segments(folder: Path) -> list[Path]:
    """A stream's segments in order."""
    return sorted(one for one in folder.glob(f"*{SEGMENT}") if is_segment(one.name))


def first_of(segment: Path) -> int:
    return int(segment.name.partition("-")[0])


def last_seq(folder: Path) -> int:
    """The highest number in a stream's segments."""
    for segment in reversed(segments(folder)):
        for line in reversed(segment.read_bytes().splitlines()):
            if seq := seq_of(line):
                return seq
    return 0


def truncate_torn(segment: Path) -> None:
    """Cut a segment after its last whole record: a crash or power cut may have torn what was not fsynced."""
    good = 0
    with segment.open("rb+") as file:
        for line in file:
            if not line.endswith(b"}\n") or not seq_of(line):
                break
            good += len(line)
        if good < segment.stat().st_size:
            file.truncate(good)
            file.flush()
            os.fsync(file.fileno())
    if good == 0:
        segment.unlink()


def acknowledged(folder: Path) -> int:
    try:
        return int((folder / ACKNOWLEDGED).read_text())
    except (FileNotFoundError, ValueError):
        return 0


def sync_folder(folder: Path) -> None:
    """A new file's name is on disk only once its folder is."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
