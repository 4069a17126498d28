"""Times: int64 microseconds since 1970 UTC in stores and frames, RFC 3339 in APIs, `30s` in what people write."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from math import inf

from wistro.errors import UserError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


class UnreadableDuration(UserError):
    """A duration that is not a number with a unit."""

    code = "config.duration"
    hint = "Write a number and a unit: 500ms, 30s, 5m, 2h, 3d."


def rfc3339(at_us: int) -> str:
    """`2026-11-22T10:00:00.000001Z`; always six digits, so that text order is time order."""
    return (_EPOCH + timedelta(microseconds=at_us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def duration_s(text: str | int | float) -> float:
    """Seconds in `1h30m`, `500ms` or a bare number of seconds; raises UnreadableDuration."""
    if isinstance(text, int | float) and not isinstance(text, bool) and 0 <= text < inf:
        return float(text)
    if (
        isinstance(text, str)
        and (parts := _DURATION.findall(text))
        and "".join(map("".join, parts)) == text
    ):
        return sum(float(number) * _UNITS[unit] for number, unit in parts)
    raise UnreadableDuration(f"`{text}` is not a duration")
