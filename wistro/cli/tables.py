"""Columns on stdout: aligned by what letters take on a screen, cut to the terminal's width, whole when piped."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from wistro.cli import say


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[int] = (),
    spare: Sequence[int] = (),
) -> None:
    """Print rows under their head; the columns numbered in `right` are numbers, those in `spare` are left out, one
    after the other, where a terminal is too narrow for all. Cells are made plain here."""
    from rich.cells import cell_len

    plain = [[say.plain(cell) for cell in row] for row in rows]
    everything = [list(head), *plain]
    widths = [max(cell_len(row[column]) for row in everything) for column in range(len(head))]
    shown = _fitting(widths, spare, say.width()) if sys.stdout.isatty() else range(len(head))
    for row in everything:
        cells = [_padded(row[column], widths[column], is_right=column in right) for column in shown]
        line = "  ".join(cells).rstrip()
        say.out(say.clipped(line, say.width()) if sys.stdout.isatty() else line)


def _fitting(widths: list[int], spare: Sequence[int], most: int) -> list[int]:
    """The columns that stay."""
    stay = list(range(len(widths)))
    for column in spare:
        if sum(widths[one] for one in stay) + 2 * (len(stay) - 1) <= most:
            break
        stay.remove(column)
    return stay


def ago(at: str | None, *, now: datetime | None = None) -> str:
    """`2026-11-22T10:00:00Z` -> `3 min ago`; the day itself after a month."""
    if not at:
        return ""
    moment = datetime.fromisoformat(at.replace("Z", "+00:00"))
    passed = ((now or datetime.now(UTC)) - moment).total_seconds()
    if passed < 5:
        return "now"
    for limit, unit, word in (
        (60, 1, "s"),
        (3600, 60, "min"),
        (86400, 3600, "h"),
        (30 * 86400, 86400, "d"),
    ):
        if passed < limit:
            return f"{int(passed // unit)} {word} ago"
    return moment.date().isoformat()


def span(us: int) -> str:
    """Microseconds as a person reads them: `850 µs`, `12 ms`, `3.4 s`, `2 min`."""
    if us < 1000:
        return f"{us} µs"
    if us < 1_000_000:
        return f"{us / 1000:.0f} ms"
    if us < 120_000_000:
        return f"{us / 1e6:.1f} s"
    return f"{us / 60e6:.0f} min"


def _padded(cell: str, width: int, *, is_right: bool) -> str:
    from rich.cells import cell_len

    room = " " * (width - cell_len(cell))
    return room + cell if is_right else cell + room
