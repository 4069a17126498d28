"""A pipe's bytes as lines, bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wistro.hosts.output import KEPT_LINES, MAX_LINE_BYTES, LineLimit, Output
from wistro.protocol.frames import Log


def output(lines: list[Log]) -> Output:
    return Output("stderr", on_line=lines.append, on_end=lambda: None)


@given(st.lists(st.text(alphabet="aé \r", max_size=20), max_size=10), st.integers(1, 7))
def test_lines_come_out_however_the_pipe_is_cut(texts: list[str], size: int) -> None:
    lines: list[Log] = []
    pipe = output(lines)
    stream = "".join(f"{text}\n" for text in texts).encode()

    for at in range(0, len(stream), size):
        pipe.data_received(stream[at : at + size])
    pipe.connection_lost(None)

    assert [line.message for line in lines] == [text.rstrip("\r") for text in texts]
    assert all((line.source, line.level, line.call) == ("stderr", "warn", None) for line in lines)


def test_last_line_needs_no_line_break() -> None:
    lines: list[Log] = []
    pipe = output(lines)

    pipe.data_received(b"Killed")
    assert pipe.tail == "Killed"
    pipe.connection_lost(None)

    assert [line.message for line in lines] == ["Killed"]


def test_longer_line_is_cut_and_said_to_be() -> None:
    lines: list[Log] = []
    pipe = output(lines)

    for _ in range(3):
        pipe.data_received(b"x" * MAX_LINE_BYTES)
    pipe.data_received(b"\nnext\n")

    assert lines[0].message == "x" * MAX_LINE_BYTES + " … (cut)"
    assert lines[1].message == "next"


def test_tail_is_the_end() -> None:
    pipe = output([])

    pipe.data_received("".join(f"{number}\n" for number in range(500)).encode())

    assert pipe.tail.splitlines() == [str(number) for number in range(500 - KEPT_LINES, 500)]


def test_lines_over_the_limit_are_counted() -> None:
    limit = LineLimit(3)

    admitted = [limit.admits(100.0 + number / 10) for number in range(5)]

    assert admitted == [True, True, True, False, False]
    assert limit.take_dropped() == 2
    assert limit.take_dropped() == 0


def test_limit_begins_anew_each_second() -> None:
    limit = LineLimit(1)

    assert [limit.admits(now) for now in (5.0, 5.5, 6.0, 6.9, 7.1)] == [
        True,
        False,
        True,
        False,
        True,
    ]
