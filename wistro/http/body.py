"""What a connection reads, and a body as it arrives: in memory while it is small, in a file without a name once it is not."""

from __future__ import annotations

import tempfile
from enum import Enum
from pathlib import Path
from typing import IO

_FEW_PIECES = 64


class Reading(Enum):
    NOTHING = "between requests"
    HEAD = "a request line or header"
    BODY = "a body"
    DEAF = "what is read is forgotten: the last answer is given"


class IncomingBody:
    """`in_memory` and `in_file` are what it holds of each now."""

    __slots__ = ("_bytes", "_file", "_most_in_memory", "_pieces", "_spool", "in_file", "in_memory")

    def __init__(self, most_in_memory: int, spool: Path | None) -> None:
        self._most_in_memory = most_in_memory
        self._spool = spool
        self._pieces: list[bytes] = []
        self._bytes: bytearray | None = None
        self._file: IO[bytes] | None = None
        self.in_memory = 0
        self.in_file = 0

    @property
    def size(self) -> int:
        return self.in_memory + self.in_file

    def add(self, piece: bytes) -> None:
        """Raises OSError where the file cannot take it."""
        if self._file is not None:
            self._file.write(piece)
            self.in_file += len(piece)
            return
        self.in_memory += len(piece)
        if self._bytes is not None:
            self._bytes += piece
        elif len(self._pieces) < _FEW_PIECES:
            self._pieces.append(piece)
        else:  # an object for each two bytes of a body would be twenty times its size
            self._bytes = bytearray(b"".join(self._pieces) + piece)
            self._pieces = []
        if self._spool is not None and self.in_memory > self._most_in_memory:
            self._move(self._spool)

    def _move(self, spool: Path) -> None:
        content = self._whole()
        self._file = tempfile.TemporaryFile(dir=spool)  # noqa: SIM115  closed by who takes it
        self._file.write(content)
        self.in_file, self.in_memory = self.in_memory, 0
        self._pieces, self._bytes = [], None

    def taken(self) -> tuple[bytes, IO[bytes] | None]:
        """The whole: bytes, or a file that its taker closes."""
        file, self._file = self._file, None
        if file is not None:
            file.flush()
            file.seek(0)
            return b"", file
        return self._whole(), None

    def _whole(self) -> bytes:
        if self._bytes is not None:
            return bytes(self._bytes)
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

    def drop(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        self._pieces, self._bytes = [], None
        self.in_memory = self.in_file = 0
