"""What step files said, kept in `.wistro/cache/described.json` by the content of every file that was read for it.

Only good descriptions are kept. Losing the file costs time alone.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import msgspec

from wistro.lock.file import content_sha256


class Entry(msgspec.Struct):
    fingerprint: str
    files: dict[str, str]  # path -> sha256 of its content
    answer: dict[str, Any]


class Cache:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._path = root / ".wistro" / "cache" / "described.json"
        self._hashes: dict[str, str | None] = {}
        self._changed = False
        self._lock = threading.Lock()
        try:
            self._entries = msgspec.json.decode(self._path.read_bytes(), type=dict[str, Entry])
        except (OSError, msgspec.DecodeError):
            self._entries = {}

    def get(self, file: str, fingerprint: str) -> dict[str, Any] | None:
        entry = self._entries.get(file)
        if entry is None or entry.fingerprint != fingerprint:
            return None
        if any(self._hash(path) != sha for path, sha in entry.files.items()):
            return None
        return entry.answer

    def put(self, file: str, fingerprint: str, answer: dict[str, Any]) -> None:
        if "config" not in answer and "steps" not in answer:
            return
        hashes = {path: self._hash(path) for path in answer["files"]}
        files = {path: sha for path, sha in hashes.items() if sha is not None}
        with self._lock:
            self._entries[file] = Entry(fingerprint, files, answer)
            self._changed = True

    def save(self, files: set[str]) -> None:
        """Write what is known of these files; others are forgotten."""
        kept = {file: entry for file, entry in self._entries.items() if file in files}
        if not self._changed and len(kept) == len(self._entries):
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside = self._path.with_suffix(f".{os.getpid()}")
            beside.write_bytes(msgspec.json.encode(kept))
            beside.replace(self._path)
        except OSError:  # a read-only checkout compiles too, slower
            return

    def _hash(self, path: str) -> str | None:
        if path not in self._hashes:
            try:
                self._hashes[path] = content_sha256(self._root / path)
            except OSError:
                self._hashes[path] = None
        return self._hashes[path]
