"""Frames off a byte stream, however it is cut."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wistro.hosts.connection import Connection, FrameTooLarge
from wistro.protocol.frames import MAX_FRAME_BYTES, Cancel, Done, FromHost, Stop


class Wire(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.is_aborted = False

    def write(self, data: Any) -> None:
        self.sent.append(bytes(data))

    def abort(self) -> None:
        self.is_aborted = True


class Ends:
    """A connection and what it told."""

    def __init__(self) -> None:
        self.frames: list[FromHost] = []
        self.ends: list[str | None] = []
        self.wire = Wire()
        self.connection = Connection(on_frame=self.frames.append, on_end=self.ends.append)
        self.connection.connection_made(self.wire)


def framed(*bodies: bytes) -> bytes:
    return b"".join(len(body).to_bytes(4, "big") + body for body in bodies)


@given(answers=st.lists(st.text(max_size=200), max_size=8), sizes=st.lists(st.integers(1, 50)))
@settings(deadline=None, max_examples=60)
def test_frames_come_out_whole_and_in_order_however_the_stream_is_cut(
    answers: list[str], sizes: list[int]
) -> None:
    frames = [Done(number, answer) for number, answer in enumerate(answers)]
    stream = framed(*(msgspec.json.encode(frame) for frame in frames))

    async def receive() -> Ends:
        ends, at = Ends(), 0
        for size in sizes:
            ends.connection.data_received(stream[at : at + size])
            at += size
        if at < len(stream):
            ends.connection.data_received(stream[at:])
        return ends

    ends = asyncio.run(receive())

    assert ends.frames == frames
    assert ends.ends == []


@pytest.mark.parametrize(
    "stream",
    [
        (MAX_FRAME_BYTES + 1).to_bytes(4, "big"),
        framed(b""),
        framed(b"{}"),
        framed(b'{"frame":"call","call":1}'),
        framed(b'{"frame":"done","call":"1"}'),
        framed(b'{"frame":"done","call":1,"answer":"\xff"}'),
        framed(b'{"frame":"done","call":1}')
        + framed(b"null")
        + framed(b'{"frame":"done","call":2}'),
    ],
)
async def test_peer_that_breaks_the_protocol_is_cut_off_once(stream: bytes) -> None:
    ends = Ends()

    ends.connection.data_received(stream)
    ends.connection.connection_lost(None)

    (reason,) = ends.ends
    assert reason is not None and reason.startswith("sent ")
    assert ends.wire.is_aborted
    assert all(frame == Done(1) for frame in ends.frames)


async def test_what_one_turn_sends_leaves_in_one_write() -> None:
    ends = Ends()

    for number in range(3):
        ends.connection.send(Cancel(number, "deadline"))
    assert ends.wire.sent == []
    await asyncio.sleep(0)

    bodies = [msgspec.json.encode(Cancel(number, "deadline")) for number in range(3)]
    assert ends.wire.sent == [framed(*bodies)]


async def test_nothing_is_sent_after_the_end() -> None:
    ends = Ends()
    ends.connection.connection_lost(None)

    ends.connection.send(Stop(1.0))
    await asyncio.sleep(0)

    assert ends.wire.sent == []


async def test_frame_over_the_limit_is_refused_and_nothing_leaves() -> None:
    ends = Ends()

    with pytest.raises(FrameTooLarge):
        ends.connection.send(Cancel(1, "x" * MAX_FRAME_BYTES))
    await asyncio.sleep(0)

    assert ends.wire.sent == []
