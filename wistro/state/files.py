"""State as files to look at and edit: `.wistro/state/<group>/<key>.json`.

A file is replaced whole, so a reader sees the old value or the new. What one commit writes is first noted in a journal:
a crash between two of its files is made good at the next start.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from wistro.state.port import StateUnreachable, StateUnreadable
from wistro.state.settling import Settled, settle
from wistro.store.port import StateWrite
from wistro.store.state import MISSING

JOURNAL = ".journal"
ENDING = ".json"
BOOTS_KEPT = 16
LONGEST_NAME = 200  # of a file; systems allow 255 bytes
_SAFE = "-_@=,+ ."
_IS_CASELESS = sys.platform == "darwin"  # there `A.json` and `a.json` are one file


class _Journal(msgspec.Struct):
    """The last commit, and how far each of the last boots came: a restart asks again for what it is not sure of."""

    reached: dict[str, int]
    cleared: list[str]
    kept: list[tuple[str, str, Any]]
    gone: list[tuple[str, str]]


class FilesState:
    """Implements `StateAdapter`, for one engine alone."""

    name = "files"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._reached: dict[str, int] = {}
        self._one_at_a_time = asyncio.Lock()

    async def start(self) -> None:
        await asyncio.to_thread(self._start)

    async def apply(self, stream: str, number: int, writes: Sequence[StateWrite]) -> list[str]:
        async with self._one_at_a_time:
            try:
                return await asyncio.to_thread(self._apply, stream, number, writes)
            except OSError as error:
                raise StateUnreachable(
                    f"{self._folder} cannot be written: {error.strerror or error}",
                    hint="Make room on the disk, and let the engine's user write there.",
                ) from error

    async def entry(self, group: str, key: str) -> Any:
        return await asyncio.to_thread(self._read, group, key)

    async def entries(
        self, group: str, *, after: str | None = None, limit: int | None = None
    ) -> list[tuple[str, Any]]:
        return await asyncio.to_thread(self._entries, group, after, limit)

    async def groups(self, *, after: str | None = None, limit: int = 100) -> list[tuple[str, int]]:
        return await asyncio.to_thread(self._groups, after, limit)

    async def close(self) -> None:
        """Nothing is open."""

    def _start(self) -> None:
        """Bring what a crash cut in two to its end."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            data = (self._folder / JOURNAL).read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise StateUnreachable(
                f"{self._folder} cannot be opened: {error.strerror or error}", hint=""
            ) from error
        try:
            journal = msgspec.json.decode(data, type=_Journal)
        except msgspec.MsgspecError as error:
            raise StateUnreadable(f"{self._folder / JOURNAL} is damaged: {error}") from error
        self._write(journal)
        self._reached = journal.reached

    def _apply(self, stream: str, number: int, writes: Sequence[StateWrite]) -> list[str]:
        if number <= self._reached.get(stream, 0):
            return []
        settled = settle(writes, read=self._read)
        earlier = {name: one for name, one in self._reached.items() if name != stream}
        last = dict(list(earlier.items())[1 - BOOTS_KEPT :])
        journal = _journal(last | {stream: number}, settled)
        _replace(self._folder / JOURNAL, msgspec.json.encode(journal))
        self._write(journal)
        self._reached = journal.reached
        return settled.refused

    def _write(self, journal: _Journal) -> None:
        for group in journal.cleared:
            if (folder := self._folder_of(group)).exists():
                shutil.rmtree(folder)
        for group, key in journal.gone:
            self._file_of(group, key).unlink(missing_ok=True)
        for group, key, value in journal.kept:
            path = self._file_of(group, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode())

    def _read(self, group: str, key: str) -> Any:
        return _value(self._file_of(group, key))

    def _entries(self, group: str, after: str | None, limit: int | None) -> list[tuple[str, Any]]:
        keys = sorted(key for key in _keys(self._folder_of(group)) if after is None or key > after)
        found = [(key, self._read(group, key)) for key in keys[:limit]]
        return [(key, value) for key, value in found if value is not MISSING]

    def _groups(self, after: str | None, limit: int) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        for group in sorted(_names(self._folder)):
            if after is not None and group <= after:
                continue
            if number := sum(1 for _ in _keys(self._folder_of(group))):
                found.append((group, number))
            if len(found) == limit:
                break
        return found

    def _folder_of(self, group: str) -> Path:
        return self._folder / _spelled(group)

    def _file_of(self, group: str, key: str) -> Path:
        return self._folder_of(group) / f"{_spelled(key)}{ENDING}"


def _journal(reached: dict[str, int], settled: Settled) -> _Journal:
    kept = [(*place, value) for place, value in settled.values.items() if value is not MISSING]
    gone = [place for place, value in settled.values.items() if value is MISSING]
    return _Journal(reached, sorted(settled.cleared), kept, gone)


def _spelled(name: str) -> str:
    """As a path that stands for this name alone and stays below its folder; a long one is several folders."""
    text = quote(name, safe=_SAFE, errors="surrogatepass").replace("~", "%7E") or "%"
    if text.startswith("."):
        text = "%2E" + text[1:]
    if _IS_CASELESS:
        text = "".join(f"%{ord(one):02X}" if one.isupper() else one for one in text)
    if len(text) <= LONGEST_NAME:
        return text
    parts = [text[at : at + LONGEST_NAME] for at in range(0, len(text), LONGEST_NAME)]
    return "/".join([*(f"{part}~" for part in parts[:-1]), parts[-1]])


def _names(folder: Path, before: str = "") -> Iterator[str]:
    """The names that the folders here were spelled from."""
    for one in _listed(folder):
        if one.is_dir() and one.name.endswith("~"):
            yield from _names(Path(one.path), before + one.name[:-1])
        elif one.is_dir():
            yield _read_name(before + one.name)


def _keys(folder: Path, before: str = "") -> Iterator[str]:
    for one in _listed(folder):
        if one.name.endswith("~") and one.is_dir():
            yield from _keys(Path(one.path), before + one.name[:-1])
        elif one.name.endswith(ENDING) and not one.name.startswith("."):
            yield _read_name(before + one.name.removesuffix(ENDING))


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _read_name(text: str) -> str:
    return "" if text == "%" else unquote(text, errors="surrogatepass")


def _value(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return MISSING
    except (ValueError, RecursionError) as error:
        raise StateUnreadable(f"{path} is no JSON: {error}") from error


def _replace(path: Path, data: bytes) -> None:
    """On disk when it returns, whole or not at all."""
    beside = path.with_name(f".{path.name[:100]}.new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
