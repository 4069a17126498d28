"""Columns of a batch as PostgreSQL's binary arrays, packed whole: psycopg's own way costs a call a value."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

from psycopg.adapt import Dumper
from psycopg.pq import Format

INT8, INT8_ARRAY = 20, 1016
TEXT, TEXT_ARRAY = 25, 1009
BYTEA, BYTEA_ARRAY = 17, 1001

_length = struct.Struct(">i").pack
_NULL = _length(-1)


class Ints(list[int]):
    """An int8[]. Raises OverflowError for what int8 cannot hold."""


class Texts(list["str | None"]):
    """A text[]. Raises ValueError for lone surrogates and zero bytes, which PostgreSQL keeps in no text."""


class Blobs(list[bytes]):
    """A bytea[]."""


class IntsDumper(Dumper):
    format = Format.BINARY
    oid = INT8_ARRAY

    def dump(self, obj: Any) -> bytes:
        count = len(obj)
        packed = [8] * (2 * count)
        packed[1::2] = obj
        try:
            return _head(INT8, count, has_null=False) + struct.pack(">" + "iq" * count, *packed)
        except struct.error as error:
            raise OverflowError("a number is beyond 64 bits") from error


class TextsDumper(Dumper):
    format = Format.BINARY
    oid = TEXT_ARRAY

    def dump(self, obj: Any) -> bytes:
        parts: list[bytes] = []
        for text in obj:
            if text is None:
                parts.append(_NULL)
                continue
            encoded = text.encode()
            if b"\0" in encoded:
                raise ValueError("PostgreSQL keeps no zero byte in a text")
            parts += (_length(len(encoded)), encoded)
        return _head(TEXT, len(obj), has_null=None in obj) + b"".join(parts)


class BlobsDumper(Dumper):
    format = Format.BINARY
    oid = BYTEA_ARRAY

    def dump(self, obj: Any) -> bytes:
        parts: list[bytes] = []
        for blob in obj:
            parts += (_length(len(blob)), blob)
        return _head(BYTEA, len(obj), has_null=False) + b"".join(parts)


DUMPERS: Iterable[tuple[type, type[Dumper]]] = (
    (Ints, IntsDumper),
    (Texts, TextsDumper),
    (Blobs, BlobsDumper),
)


def _head(oid: int, count: int, *, has_null: bool) -> bytes:
    if not count:
        return struct.pack(">iiI", 0, 0, oid)
    return struct.pack(">iiIii", 1, has_null, oid, count, 1)
