from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wistro.protocol.times import UnreadableDuration, duration_s, microseconds, rfc3339

GOLDEN = json.loads(
    (Path(__file__).parents[3] / "golden" / "protocol" / "times.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("golden", GOLDEN["instants"], ids=lambda one: one["rfc3339"])
def test_an_instant_is_written_as_its_golden_text(golden):
    assert rfc3339(golden["us"]) == golden["rfc3339"]


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1)))
def test_an_instant_keeps_its_microseconds(at):
    at = at.replace(tzinfo=UTC)

    assert datetime.fromisoformat(rfc3339(microseconds(at))) == at


@pytest.mark.parametrize("golden", GOLDEN["durations"], ids=lambda one: str(one["text"]))
def test_a_duration_is_read_as_its_golden_seconds(golden):
    assert duration_s(golden["text"]) == golden["seconds"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "5",
        "5 s",
        "-5s",
        "5x",
        "1h 30m",
        "1.s",
        "s5",
        -1,
        True,
        None,
        float("nan"),
        float("inf"),
    ],
)
def test_what_is_no_duration_is_an_error(text):
    with pytest.raises(UnreadableDuration):
        duration_s(text)
