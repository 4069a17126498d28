"""The small values that both a step's config and wistro.yml hold: text, durations, retries, topics, paths, cron."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from wistro.compiler import problems
from wistro.errors import UserError
from wistro.lock.model import QueryParam, Retries
from wistro.protocol.times import duration_s

CATCH_UP = ("skip", "one", "all")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
NEVER_BUILT = {
    "draw": "draw",
    "weighted": "weighted",
    "stream": "stream",
    "streams": "streams",
}
_SEGMENT = re.compile(r"[A-Za-z0-9._~!$&'()+,;=@-]+")
_PARAMETER = re.compile(r":[A-Za-z_][A-Za-z0-9_]*")
_NOT_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CRON_FIELDS = 5
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)  # any fixed instant: `never fires` looks 50 years ahead


def text(value: Any, key: str, where: str, *, limit: int = 200) -> str:
    if not isinstance(value, str) or not value.strip():
        raise problems.BadConfig(f"`{key}` is a text, not {shown(value)}", where=where)
    if len(value) > limit or _NOT_TEXT.search(value):
        raise problems.BadConfig(
            f"`{key}` is one line of at most {limit} characters", hint="", where=where
        )
    return value


def prose(value: Any, key: str, where: str) -> str:
    """Text that may have several lines."""
    if not isinstance(value, str):
        raise problems.BadConfig(f"`{key}` is a text, not {shown(value)}", where=where)
    return value.strip()


def texts(value: Any, key: str, where: str) -> list[str]:
    if not isinstance(value, list):
        raise problems.BadConfig(f"`{key}` is a list, not {shown(value)}", where=where)
    found = [text(one, key, where) for one in value]
    if len(set(found)) != len(found):
        twice = next(one for one in found if found.count(one) > 1)
        raise problems.BadConfig(f"`{key}` names `{twice}` twice", where=where)
    return found


def flag(value: Any, key: str, where: str) -> bool:
    if not isinstance(value, bool):
        raise problems.BadConfig(f"`{key}` is true or false, not {shown(value)}", where=where)
    return value


def topic(value: Any, key: str, where: str) -> str:
    name = text(value, key, where)
    if any(letter.isspace() for letter in name):
        raise problems.BadConfig(f"topic `{name}` holds a space", where=where)
    return name


def duration(value: Any, key: str, where: str, *, least_s: float = 0.0) -> str:
    """A duration as people write it; a bare number is seconds and comes back as `30s`."""
    try:
        length = duration_s(value)
    except UserError as error:
        raise problems.BadConfig(
            f"`{key}`: {error.message}", hint=error.hint, where=where
        ) from error
    if not least_s <= length <= 365 * 86400:
        raise problems.BadConfig(f"`{key}` is {value}, out of range", where=where)
    return value if isinstance(value, str) else f"{value:g}s"


def retries(value: Any, where: str, *, base: Retries) -> Retries:
    """`retries` over what wistro.yml's defaults say."""
    if not isinstance(value, dict):
        raise problems.BadConfig(f"`retries` is like {{max: 3}}, not {shown(value)}", where=where)
    known = {"max", "initial", "factor", "cap", "jitter"}
    if unknown := problems.check_keys(
        value, known=known, not_yet=set(), of="`retries`", where=dict.fromkeys(value, where)
    ):
        raise unknown[0]
    found = Retries(**{key: getattr(base, key) for key in known})
    if "max" in value:
        if (
            not _is_number(value["max"])
            or int(value["max"]) != value["max"]
            or not 0 <= value["max"] <= 1000
        ):
            raise problems.BadConfig(
                f"`retries.max` is a whole number from 0 to 1000, not {shown(value['max'])}",
                where=where,
            )
        found.max = int(value["max"])
    if "factor" in value:
        if not _is_number(value["factor"]) or not 1 <= value["factor"] <= 100:
            raise problems.BadConfig(
                f"`retries.factor` is a number from 1 to 100, not {shown(value['factor'])}",
                where=where,
            )
        found.factor = float(value["factor"])
    if "jitter" in value:
        found.jitter = flag(value["jitter"], "retries.jitter", where)
    for key in ("initial", "cap"):
        if key in value:
            setattr(found, key, duration(value[key], f"retries.{key}", where))
    return found


def path(value: Any, where: str) -> str:
    """An endpoint's path."""
    if not isinstance(value, str) or not value.startswith("/"):
        raise problems.BadPath(f"`path` starts with a slash, unlike {shown(value)}", where=where)
    if len(value) > 1000:
        raise problems.BadPath("`path` is longer than 1,000 characters", where=where)
    if value == "/":
        return value
    if value == "/_wistro" or value.startswith("/_wistro/"):
        raise problems.BadPath(f"`{value}` is wistro's own", hint="Choose another.", where=where)
    names: list[str] = []
    for segment in value[1:].split("/"):
        if segment.startswith(":") and _PARAMETER.fullmatch(segment):
            names.append(segment)
        elif not _SEGMENT.fullmatch(segment) or segment in (".", ".."):
            raise problems.BadPath(
                f"`{value}` is no path: {'an empty part' if not segment else f'`{segment}`'}",
                where=where,
            )
    if len(set(names)) != len(names):
        raise problems.BadPath(f"`{value}` names a parameter twice", where=where)
    return value


def is_segment(text: str) -> bool:
    """May it stand between two slashes of a path, as it is?"""
    return bool(_SEGMENT.fullmatch(text)) and text not in (".", "..")


def method(value: Any, where: str) -> str:
    upper = value.upper() if isinstance(value, str) else value
    if upper not in METHODS:
        hint = problems.did_you_mean(str(upper), METHODS) or f"One of {', '.join(METHODS)}."
        raise problems.BadConfig(f"`method` {shown(value)} is not known", hint=hint, where=where)
    return upper


def cron(value: Any, zone: Any, where: str) -> tuple[str, str]:
    """A schedule and its time zone, both checked: the schedule fires at least once in 50 years."""
    schedule = " ".join(text(value, "cron", where).split())
    timezone = text(zone, "timezone", where)
    try:
        ZoneInfo(timezone)
    except (KeyError, ValueError, OSError) as error:
        raise problems.BadConfig(
            f"`{timezone}` is not a time zone",
            hint="As in Europe/Berlin, America/New_York, UTC.",
            where=where,
        ) from error
    if len(schedule.split()) != _CRON_FIELDS:
        raise problems.BadCron(f"`{schedule}` has not five fields", where=where)
    try:
        next(CronSim(schedule, _FIRST))
    except CronSimError as error:
        raise problems.BadCron(f"`{schedule}` is not a schedule: {error}", where=where) from error
    except StopIteration as error:
        raise problems.BadCron(
            f"`{schedule}` never fires", hint="There is no such day in 50 years.", where=where
        ) from error
    return schedule, timezone


def functions(given: Any, where: str) -> list[str]:
    """Their names: they run from the step's file, in this order."""
    if not isinstance(given, list):
        raise problems.BadConfig("`middleware` is a list of functions", where=where)
    return [text(one, "middleware", where) for one in given]


def query_params(given: Any, where: str) -> list[QueryParam]:
    """For those who call the endpoint: what is in the query is not checked."""
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise problems.BadConfig("`queryParams` is a list of {name, description}", where=where)
    found: list[QueryParam] = []
    for one in given:
        if unknown := sorted(set(one) - {"name", "description"}):
            raise problems.BadConfig(f"a query parameter has no `{unknown[0]}`", where=where)
        name = text(one.get("name"), "queryParams name", where)
        found.append(QueryParam(name, prose(one.get("description", ""), "description", where)))
    texts([one.name for one in found], "queryParams", where)
    return found


def catch_up(value: Any, where: str) -> str:
    if value not in CATCH_UP:
        raise problems.BadConfig(
            f"`catchUp` {shown(value)} is not known",
            hint="`skip` drops what was missed, `one` fires the last of it, `all` each, within bounds.",
            where=where,
        )
    return value


def shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return f"`{str(value)[:60]}`"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
