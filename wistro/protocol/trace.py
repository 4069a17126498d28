"""W3C Trace Context, level 2: a caller's `traceparent` and `tracestate` read, and those of an attempt written.

A header that breaks a rule of the specification is treated as absent (its §3.2.2.5, §3.3.1.5): the run begins a trace.
"""

from __future__ import annotations

import re
from typing import NamedTuple

SAMPLED = 0x01
RANDOM = 0x02  # the trace id's last seven bytes are random: so are those of an id of ours
OURS = SAMPLED | RANDOM
MOST_MEMBERS = 32
MOST_STATE = 512  # letters, at the least to be carried

_PARENT = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_MEMBER = re.compile(
    r"(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)


class Trace(NamedTuple):
    """What a caller said: `parent` is its span, `flags` those that we know."""

    id: str
    parent: str
    flags: int
    state: str = ""


def read(headers: list[tuple[str, str]]) -> Trace | None:
    """Of lower-case names; None without one valid traceparent."""
    parents = [value for name, value in headers if name == "traceparent"]
    if len(parents) != 1 or (found := _PARENT.fullmatch(parents[0].strip(" \t"))) is None:
        return None
    version, trace_id, parent, flags, more = found.groups()
    if (version == "00" and more) or trace_id == "0" * 32 or parent == "0" * 16:
        return None
    states = [value for name, value in headers if name == "tracestate"]
    return Trace(trace_id, parent, int(flags, 16) & OURS, _state(states))


def parent_header(trace_id: str, span_id: str, flags: int) -> str:
    return f"00-{trace_id}-{span_id}-{flags:02x}"


def span_of(attempt_id: str) -> str:
    """An attempt's span: the random half of its UUIDv7."""
    return attempt_id.replace("-", "")[16:]


def _state(values: list[str]) -> str:
    """The members as one header's value, or nothing when any of them is no member."""
    members = [one for value in values for part in value.split(",") if (one := part.strip(" \t"))]
    keys = {one.partition("=")[0] for one in members}
    text = ",".join(members)
    is_valid = (
        len(members) <= MOST_MEMBERS
        and len(text) <= MOST_STATE
        and len(keys) == len(members)
        and all(_MEMBER.fullmatch(one) for one in members)
    )
    return text if is_valid else ""
