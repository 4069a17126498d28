"""What `ctx.emit` takes, as the rest of an Emit frame: topic and data, and when and how often it is delivered."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from .values import encode

TAKES = "topic, data, delay, at, key, id and now"
LONGEST_TEXT = 200  # of a key or an id
LONGEST_DELAY_S = 365 * 86400
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017  3.10 too
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def emit_rest(event) -> bytes:
    if not isinstance(event, dict) or not isinstance(event.get("topic"), str):
        raise TypeError("emit takes {'topic': 'order.created', 'data': …}")
    rest = b',"topic":%s,"data":%s' % (encode(event["topic"]), encode(event.get("data")))
    if len(event) > 2 or (len(event) == 2 and "data" not in event):
        rest += _options(event)
    return rest


def _options(event) -> bytes:
    given = {name: value for name, value in event.items() if value is not None}
    if "messageGroupId" in given:  # Motia's word for it
        given.setdefault("key", given.pop("messageGroupId"))
    for name in given:
        if name not in ("topic", "data", "delay", "at", "key", "id", "now"):
            raise TypeError(f"emit does not know `{name}`; it takes {TAKES}")
    if "delay" in given and "at" in given:
        raise TypeError("emit takes `delay` or `at`, not both")
    if "now" in given and not isinstance(given["now"], bool):
        raise TypeError(f"emit's `now` is true or false, not {given['now']!r}")
    if given.get("now") and ("delay" in given or "at" in given):
        raise TypeError("emit's `now` leaves at once: it takes no `delay` or `at`")
    rest = b""
    if "delay" in given:
        rest += b',"delay_s":%s' % encode(_seconds(given["delay"]))
    if "at" in given:
        rest += b',"at_us":%d' % _instant(given["at"])
    for name in ("key", "id"):
        if name in given:
            rest += b',"%s":%s' % (name.encode(), encode(_text(name, given[name])))
    return rest + (b',"now":true' if given.get("now") else b"")


def _seconds(delay) -> float:
    seconds = -1.0
    if isinstance(delay, timedelta):
        seconds = delay.total_seconds()
    elif isinstance(delay, (int, float)) and not isinstance(delay, bool):
        seconds = float(delay)
    elif isinstance(delay, str):
        parts = _DURATION.findall(delay)
        if parts and "".join(map("".join, parts)) == delay:
            seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if not 0 <= seconds <= LONGEST_DELAY_S:
        raise TypeError(
            f"emit's `delay` is like '30s' or a number of seconds, at most 365 days, not {delay!r}"
        )
    return seconds


def _instant(at) -> int:
    moment = at
    if isinstance(at, str):
        try:
            moment = datetime.fromisoformat(at.replace("Z", "+00:00").replace("z", "+00:00"))
        except ValueError:
            moment = None
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise TypeError(
            f"emit's `at` is a time with its zone, such as '2030-01-02T03:04:05Z', not {at!r}"
        )
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _text(name: str, value) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT:
        raise TypeError(
            f"emit's `{name}` is a text of 1 to {LONGEST_TEXT} characters, not {value!r}"
        )
    return value
