"""Numbers for records and lines: one counter a stream, a number written between the two parts of each."""

from __future__ import annotations

from wistro.store.port import Unnumbered


def numbered(records: list[Unnumbered], *, after: int) -> tuple[list[bytes], int]:
    """The lines' parts, and the last number."""
    parts: list[bytes] = []
    seq = after
    for head, tail in records:
        seq += 1
        parts += (head, b"%d" % seq, tail, b"\n")
    return parts, seq
