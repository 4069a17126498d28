from __future__ import annotations

import pytest

from wistro.protocol import trace

ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("value", "flags"),
    [
        (f"00-{ID}-{SPAN}-01", 1),
        (f"00-{ID}-{SPAN}-00", 0),
        (f"00-{ID}-{SPAN}-03", 3),
        (f" 00-{ID}-{SPAN}-02 ", 2),
        (f"00-{ID}-{SPAN}-ff", 3),  # flags of a later level are not passed on
        (f"cc-{ID}-{SPAN}-01", 1),
        (f"cc-{ID}-{SPAN}-01-what-the-future-will-be", 1),
    ],
)
def test_a_callers_trace_is_read(value: str, flags: int) -> None:
    assert trace.read([("traceparent", value)]) == (ID, SPAN, flags, "")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "garbage",
        f"ff-{ID}-{SPAN}-01",
        f"00-{ID.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{ID}-{'0' * 16}-01",
        f"00-{ID}-{SPAN}-01-more",
        f"cc-{ID}-{SPAN}-01.what",
        f"00-{ID}-{SPAN}-1",
        f"00-{ID}-{SPAN}",
        f"00-{ID}-{SPAN}-01,00-{ID}-{SPAN}-01",
    ],
)
def test_what_is_no_traceparent_is_as_none(value: str) -> None:
    assert trace.read([("traceparent", value), ("tracestate", "a=1")]) is None


def test_two_traceparents_are_none() -> None:
    one = ("traceparent", f"00-{ID}-{SPAN}-01")

    assert trace.read([one, one]) is None


@pytest.mark.parametrize(
    ("values", "state"),
    [
        (["a=1"], "a=1"),
        (["a=1,b=2", "c=3"], "a=1,b=2,c=3"),
        (["a=1 , , b=x y"], "a=1,b=x y"),
        (["1tenant@vendor=x"], "1tenant@vendor=x"),
        (["a=1,a=2"], ""),
        (["A=1"], ""),
        (["a"], ""),
        (["a=b=c"], ""),
        ([",".join(f"k{n}=1" for n in range(33))], ""),
        ([f"a={'x' * 255}", f"b={'x' * 255}"], ""),
    ],
)
def test_a_tracestate_is_kept_whole_or_not_at_all(values: list[str], state: str) -> None:
    headers = [("traceparent", f"00-{ID}-{SPAN}-01"), *(("tracestate", one) for one in values)]

    found = trace.read(headers)

    assert found is not None and found.state == state


def test_an_attempts_header_is_one_that_is_read() -> None:
    span = trace.span_of("0198c0de-1234-7abc-8def-0123456789ab")
    header = trace.parent_header(ID, span, trace.OURS)

    assert trace.read([("traceparent", header)]) == (ID, "8def0123456789ab", 3, "")
