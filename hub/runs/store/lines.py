"""Reading log lines from PostgreSQL, in the tenant's scope.

Reading on goes stream by stream in seq, since a line may come long after it was written. Going back goes by
(at, stream, seq), as lines are shown. A cursor names each stream that may still bring lines, and the newest of all:
one that it leaves out is read to its end if it is older than that one, and not begun if it is younger.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import Now

from hub.runs.models import Gap, Stream
from hub.runs.store.port import Cursor, LineFilter, LineRow, Lines
from hub.runs.store.searching import limited, pattern
from wistro.protocol.reading import Gap as ShownGap
from wistro.protocol.reading import at_least

COLUMNS = (
    "stream, seq, at_us, level, source, step, run_id, attempt_id, deployment_id, message, fields"
)
SILENT_AFTER = timedelta(days=8)  # all lines of a stream that brought nothing for so long are gone
GAPS_MOST = 1000


@dataclass(frozen=True)
class _Stream:
    stream: UUID
    number: int
    last_seq: int
    may_grow: bool


def after(environment_id: UUID, filter: LineFilter, *, cursor: Cursor, limit: int) -> Lines:
    streams = _streams(environment_id)
    starts = _starts(streams, cursor)
    news = [one for one in streams if starts[one.stream] < one.last_seq]
    with limited():
        found = [
            _of_stream(environment_id, filter, one, starts[one.stream], limit + 1) for one in news
        ]
    taken = _interleaved(found)[: limit + 1]
    more, taken = len(taken) > limit, taken[:limit]
    reached = _reached(news, found, taken)
    ends = {one.stream: reached.get(one.stream, starts[one.stream]) for one in streams}
    gaps = _gaps(environment_id, {s: (starts[s] + 1, end) for s, end in reached.items()})
    return Lines(sorted(taken, key=_order), _short(streams, ends), more, gaps)


def _streams(environment_id: UUID) -> list[_Stream]:
    """Read before the lines: what they say is kept is what a page may show."""
    may_grow = Q(closed=False, taken_at__gt=Now() - SILENT_AFTER)
    found = Stream.objects.filter(environment_id=environment_id).order_by("number")
    rows = found.annotate(may_grow=ExpressionWrapper(may_grow, BooleanField()))
    return [_Stream(*row) for row in rows.values_list("stream", "number", "last_seq", "may_grow")]


def _starts(streams: list[_Stream], cursor: Cursor) -> dict[UUID, int]:
    newest = max((one.number for one in streams if one.stream in cursor), default=0)
    return {
        one.stream: cursor.get(one.stream, one.last_seq if one.number < newest else 0)
        for one in streams
    }


def _short(streams: list[_Stream], ends: Cursor) -> Cursor:
    return {
        one.stream: ends[one.stream]
        for place, one in enumerate(streams, 1)
        if one.may_grow or ends[one.stream] < one.last_seq or place == len(streams)
    }


def _of_stream(
    environment_id: UUID, filter: LineFilter, of: _Stream, start: int, limit: int
) -> list[LineRow]:
    return _select(
        environment_id,
        filter,
        "stream = %(stream)s AND seq > %(start)s AND seq <= %(end)s",
        {"stream": of.stream, "start": start, "end": of.last_seq},
        order="seq",
        limit=limit,
    )


def _interleaved(found: list[list[LineRow]]) -> list[LineRow]:
    """Each stream in its own order, the earliest of their next lines first."""
    return list(heapq.merge(*found, key=_order))


def _order(line: LineRow) -> tuple[int, UUID, int]:
    return line.at_us, line.stream, line.seq


def _reached(
    news: list[_Stream], found: list[list[LineRow]], taken: list[LineRow]
) -> dict[UUID, int]:
    """Up to where each stream is read: to its end if all that was found of it is on the page."""
    counts: dict[UUID, int] = {}
    lasts: dict[UUID, int] = {}
    for line in taken:
        counts[line.stream] = counts.get(line.stream, 0) + 1
        lasts[line.stream] = line.seq
    reached = {}
    for one, lines in zip(news, found, strict=True):
        if counts.get(one.stream, 0) == len(lines):
            reached[one.stream] = one.last_seq
        elif one.stream in lasts:
            reached[one.stream] = lasts[one.stream]
    return reached


def before(
    environment_id: UUID, filter: LineFilter, *, line: tuple[UUID, int] | None, limit: int
) -> Lines:
    streams = _streams(environment_id)
    ends = {one.stream: one.last_seq for one in streams}
    where, values = "true", {}
    if line is not None:
        if (at := _at(environment_id, *line)) is None:
            return Lines([], _short(streams, ends), more=False)
        where = "(at_us, stream, seq) < (%(at)s, %(stream)s, %(seq)s)"
        values = {"at": at, "stream": line[0], "seq": line[1]}
    with limited():
        found = _select(
            environment_id, filter, where, values,
            order="at_us DESC, stream DESC, seq DESC", limit=limit + 1,
        )  # fmt: skip
    # What came since the streams were read is left to reading on from the cursor.
    taken = [one for one in reversed(found[:limit]) if one.seq <= ends.get(one.stream, 0)]
    gaps = _gaps(environment_id, _spans(taken, ends if line is None else {}))
    return Lines(taken, _short(streams, ends), len(found) > limit, gaps)


def _at(environment_id: UUID, stream: UUID, seq: int) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT at_us FROM lines WHERE environment_id = %s AND stream = %s AND seq = %s",
            [environment_id, stream, seq],
        )
        found = cursor.fetchone()
    return found[0] if found else None


def _spans(lines: Iterable[LineRow], ends: Cursor) -> dict[UUID, tuple[int, int]]:
    """For each stream of a page, the seqs from just before its first line to its last, or its end."""
    spans: dict[UUID, tuple[int, int]] = {}
    for one in lines:
        first, last = spans.get(one.stream, (one.seq, ends.get(one.stream, one.seq)))
        spans[one.stream] = min(first, one.seq), max(last, one.seq)
    return {stream: (first - 1, last) for stream, (first, last) in spans.items()}


def _gaps(environment_id: UUID, spans: dict[UUID, tuple[int, int]]) -> list[ShownGap]:
    touching = Q(pk__in=[])
    for stream, (first, last) in spans.items():
        touching |= Q(stream=stream, last__gte=first, first__lte=last)
    found = Gap.objects.filter(touching, environment_id=environment_id) if spans else []
    rows = found.order_by("stream", "first")[:GAPS_MOST] if spans else []
    return [ShownGap(str(one.stream), one.first, one.last) for one in rows]


def _select(
    environment_id: UUID,
    filter: LineFilter,
    where: str,
    values: dict[str, Any],
    *,
    order: str,
    limit: int,
) -> list[LineRow]:
    conditions = ["environment_id = %(environment)s", where]
    values = values | {"environment": environment_id, "limit": limit}
    for column, value in (("run_id", filter.run), ("step", filter.step)):
        if value:
            conditions.append(f"{column} = %({column})s")
            values[column] = value
    if filter.level:
        conditions.append("level = ANY(%(levels)s)")
        values["levels"] = at_least(filter.level)
    if filter.text:
        conditions.append("(message ILIKE %(text)s OR fields ILIKE %(text)s)")
        values["text"] = pattern(filter.text.replace("\x00", "␀"))
    sql = f"SELECT {COLUMNS} FROM lines WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT %(limit)s"
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [LineRow(*row) for row in cursor.fetchall()]
