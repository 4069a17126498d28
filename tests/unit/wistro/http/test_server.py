from __future__ import annotations

import asyncio
import json
import socket
import stat
import tracemalloc

import pytest

from wistro.http.limits import Limits
from wistro.http.message import Response
from wistro.http.server import Server

HOST = b"Host: a\r\n"
LIMIT_S = 10.0


async def echo(request):
    return Response(200, request.body or request.target.encode())


def a_request(target=b"/", *, headers=b"", body=b"", method=None):
    method = method or (b"POST" if body else b"GET")
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return method + b" " + target + b" HTTP/1.1\r\n" + HOST + headers + length + b"\r\n" + body


def code_of(body: bytes) -> str:
    return json.loads(body)["error"]["code"]


async def test_a_connection_is_kept_for_the_next_request(serving):
    caller = await (await serving(echo)).caller()

    for target in (b"/one", b"/two"):
        await caller.send(a_request(target))
        status, headers, body = await caller.answer()

        assert (status, body) == (200, target)
        assert "connection" not in headers and headers["date"].endswith("GMT")


async def test_pipelined_requests_are_answered_in_order_whatever_their_handlers_take(serving):
    release = asyncio.Event()

    async def handle(request):
        if request.path == "/0":
            await release.wait()
        return Response(200, request.body)

    place = await serving(handle, limits=Limits(pipelined=4))
    caller = await place.caller()
    bodies = [b"%d" % number * 1000 for number in range(50)]

    await caller.send(*(a_request(b"/%d" % n, body=body) for n, body in enumerate(bodies)))
    release.set()

    assert [(await caller.answer())[2] for _ in bodies] == bodies
    assert place.server.in_flight == 0 and place.server.held_bytes == 0


async def test_a_request_that_arrives_byte_by_byte_is_whole(serving):
    caller = await (await serving(echo)).caller()
    chunked = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    request = chunked + b"3;x=y\r\nabc\r\n5\r\ndefgh\r\n0\r\nwistro-route: no\r\n\r\n"

    for byte in request:
        await caller.send(bytes([byte]))

    assert (await caller.answer())[2] == b"abcdefgh"


async def test_a_trailer_never_becomes_a_header(serving):
    seen = []

    async def handle(request):
        seen.extend(request.headers)
        return Response(204)

    caller = await (await serving(handle)).caller()
    await caller.send(
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nWistro-Route: x\r\n\r\n"
    )

    assert (await caller.answer())[0] == 204
    assert [name for name, _ in seen] == ["host", "transfer-encoding"]


@pytest.mark.parametrize(
    "raw",
    [
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http:///a HTTP/1.1\r\nHost: \r\n\r\n",
        b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT b:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /%ff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
)
async def test_what_could_be_read_in_two_ways_is_refused(serving, raw):
    asked = []

    async def handle(request):
        asked.append(request)
        return Response(200)

    caller = await (await serving(handle)).caller()
    await caller.send(raw)

    status, _, body = await caller.answer()
    assert (status, code_of(body), asked) == (400, "http.malformed", [])


@pytest.mark.parametrize(
    ("target", "seen"),
    [
        (b"http://a/b%20c?d=/e", "/b%20c?d=/e"),
        (b"HTTP://A", "/"),
        (b"https://a?q", "/?q"),
        (b"http://a//b", "//b"),
    ],
)
async def test_a_whole_address_as_a_target_means_its_path(serving, target, seen):
    caller = await (await serving(echo)).caller()

    await caller.send(a_request(target))

    assert (await caller.answer())[2] == seen.encode()


async def test_nothing_after_a_refused_request_is_heard(serving):
    asked = []

    async def handle(request):
        asked.append(request.path)
        return Response(200)

    caller = await (await serving(handle, limits=Limits(body_bytes=3))).caller()
    await caller.send(a_request(b"/first") + a_request(b"/large", body=b"12345") + a_request(b"/x"))

    assert (await caller.answer())[0] == 200
    status, headers, body = await caller.answer()
    assert (status, code_of(body)) == (413, "http.body-too-large")
    assert headers["connection"] == "close"
    assert await caller.rest() == b"" and asked == ["/first"]


async def test_a_body_too_large_is_refused_before_it_is_sent(serving):
    caller = await (await serving(echo, limits=Limits(body_bytes=10))).caller()

    await caller.send(
        b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n"
    )

    assert (await caller.answer())[0] == 413


async def test_a_chunked_body_is_refused_when_it_passes_the_limit(serving):
    place = await serving(echo, limits=Limits(body_bytes=10))
    caller = await place.caller()

    await caller.send(
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"b\r\nhello world\r\n",
    )

    assert (await caller.answer())[0] == 413
    assert place.server.held_bytes == 0


async def turns_until(is_so):
    for _ in range(100_000):
        if is_so():
            return
        await asyncio.sleep(0)
    raise AssertionError


LARGE = Limits(body_bytes=100, large_body_bytes=1_000)


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_large_body_comes_in_a_file(serving, tmp_path, chunked):
    async def handle(request):
        kept = b"" if request.file is None else request.file.read()
        seen.append((len(request.body), request.size, len(kept), place.server.spooled_bytes))
        return Response(200, kept)

    seen = []
    place = await serving(handle, limits=LARGE, spool=tmp_path)
    caller = await place.caller()
    body = bytes(range(250)) * 4
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 1000"
    sent = (
        b"".join(b"32\r\n%b\r\n" % body[at : at + 50] for at in range(0, 1000, 50)) + b"0\r\n\r\n"
    )
    await caller.send(
        b"POST / HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n" % framing + (sent if chunked else body),
        a_request(body=b"x" * 100),
    )

    assert (await caller.answer())[2] == body
    assert (await caller.answer())[0] == 200
    assert seen == [(0, 1000, 1000, 1000), (100, 100, 0, 0)]
    assert (place.server.spooled_bytes, place.server.held_bytes) == (0, 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("framing", "body"),
    [(b"Content-Length: 1001", b""), (b"Transfer-Encoding: chunked", b"3e9\r\n" + b"x" * 1001)],
)
async def test_a_body_larger_than_large_is_refused(serving, tmp_path, framing, body):
    place = await serving(echo, limits=LARGE, spool=tmp_path)
    caller = await place.caller()
    await caller.send(b"POST / HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n" % framing + body)

    assert (await caller.answer())[0] == 413
    assert place.server.spooled_bytes == 0


async def test_files_of_all_bodies_together_are_bounded(serving, tmp_path):
    limits = Limits(body_bytes=100, large_body_bytes=1_000, spooled_bytes=500)
    place = await serving(echo, limits=limits, spool=tmp_path)
    caller = await place.caller()
    await caller.send(a_request(body=b"x" * 900))

    assert (await caller.answer())[0] == 503
    assert place.server.spooled_bytes == 0


async def test_files_that_fill_their_room_leave_small_bodies_theirs(serving, tmp_path):
    limits = Limits(body_bytes=100, large_body_bytes=1_000, spooled_bytes=1_500)
    place = await serving(echo, limits=limits, spool=tmp_path)
    first, second, third = [await place.caller() for _ in range(3)]
    await first.send(a_request(body=b"x" * 900)[:-1])
    await turns_until(lambda: place.server.spooled_bytes > 800)
    await second.send(a_request(body=b"x" * 900))
    assert (await second.answer())[0] == 503
    place.server.spooled_bytes += 1_000  # it is as full as it gets

    await third.send(a_request(body=b"small"))

    assert (await third.answer())[2] == b"small"
    place.server.spooled_bytes -= 1_000
    first.close()


async def test_a_caller_that_leaves_takes_its_file_along(serving, tmp_path):
    place = await serving(echo, limits=LARGE, spool=tmp_path)
    caller = await place.caller()
    await caller.send(a_request(body=b"x" * 900)[:-100])
    await turns_until(lambda: place.server.spooled_bytes > 0)
    caller.close()
    await turns_until(lambda: place.server.spooled_bytes == 0)


async def test_a_folder_that_takes_no_file_refuses_the_body(serving, tmp_path):
    place = await serving(echo, limits=LARGE, spool=tmp_path / "gone")
    caller = await place.caller()
    await caller.send(a_request(body=b"x" * 900))

    assert (await caller.answer())[0] == 503
    assert (place.server.spooled_bytes, place.server.held_bytes) == (0, 0)


async def test_a_body_in_many_small_pieces_costs_no_more_than_its_bytes(serving):
    place = await serving(echo)
    caller = await place.caller()
    pieces = 100_000
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    sent = b"2\r\nab\r\n" * pieces
    await caller.send(head)

    tracemalloc.start()
    try:
        await caller.send(sent, b"0\r\n\r\n")
        _, _, body = await caller.answer()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert body == b"ab" * pieces
    assert peak < 15 * len(body)  # with an object for each piece: more than 20 times


async def test_a_body_that_waits_for_100_continue_gets_it(serving):
    caller = await (await serving(echo)).caller()
    await caller.send(
        b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n"
    )

    assert (await caller.answer())[0] == 100
    await caller.send(b"hello")
    assert (await caller.answer())[2] == b"hello"


async def test_an_unknown_expectation_is_refused(serving):
    caller = await (await serving(echo)).caller()

    await caller.send(a_request(headers=b"Expect: tea\r\n"))

    assert (await caller.answer())[0] == 417


@pytest.mark.parametrize(
    "raw",
    [
        a_request(headers=b"X: " + b"a" * 40_000 + b"\r\n"),
        a_request(b"/" + b"a" * 40_000),
        a_request(headers=b"X: 1\r\n" * 200),
        b"GET / HTTP/1.1\r\nX: " + b"a" * 300_000,
    ],
)
async def test_a_header_too_large_is_refused(serving, raw):
    caller = await (await serving(echo)).caller()

    await caller.send(*(raw[start : start + 1000] for start in range(0, len(raw), 1000)))

    status, _, body = await caller.answer()
    assert (status, code_of(body)) == (431, "http.header-too-large")


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", "http.too-slow"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab", "http.too-slow"),
    ],
)
async def test_a_request_that_stops_half_way_is_answered_408(serving, sent, code):
    limits = Limits(head_s=0.05, body_s=0.05, body_bytes_per_s=1_000_000)
    place = await serving(echo, limits=limits)
    caller = await place.caller()

    await caller.send(sent)

    status, _, body = await caller.answer()
    assert (status, code_of(body)) == (408, code)
    assert place.server.held_bytes == 0


@pytest.mark.parametrize("sent", [b"", a_request()])
async def test_a_connection_that_says_nothing_is_closed(serving, sent):
    caller = await (await serving(echo, limits=Limits(head_s=0.05, idle_s=0.05))).caller()

    await caller.send(sent)

    assert (await caller.rest()).count(b"HTTP/1.1") == (1 if sent else 0)


async def test_a_call_beyond_the_limit_in_flight_gets_503_and_the_connection_stays(serving):
    entered, release = asyncio.Event(), asyncio.Event()

    async def handle(request):
        if request.path == "/slow":
            entered.set()
            await release.wait()
        return Response(200)

    place = await serving(handle, limits=Limits(in_flight=1))
    slow, other = await place.caller(), await place.caller()
    await slow.send(a_request(b"/slow"))
    await asyncio.wait_for(entered.wait(), LIMIT_S)

    await other.send(a_request(b"/other"))
    status, headers, body = await other.answer()
    release.set()
    assert (await slow.answer())[0] == 200
    await other.send(a_request(b"/other"))

    assert (status, headers["retry-after"], code_of(body)) == (503, "1", "http.overloaded")
    assert (await other.answer())[0] == 200


async def test_a_connection_beyond_the_limit_gets_503_and_is_closed(serving):
    place = await serving(echo, limits=Limits(connections=1))
    first = await place.caller()
    await first.send(a_request())
    await first.answer()

    second = await place.caller()

    status, headers, _ = await second.answer()
    assert (status, headers["retry-after"], headers["connection"]) == (503, "1", "close")


async def test_bodies_beyond_the_memory_of_all_calls_get_503(serving):
    place = await serving(echo, limits=Limits(held_bytes=10))
    caller = await place.caller()

    await caller.send(a_request(body=b"hello world"))

    assert (await caller.answer())[0] == 503
    assert place.server.held_bytes == 0


async def test_head_has_the_length_and_no_body(serving):
    caller = await (await serving(echo)).caller()

    await caller.send(a_request(b"/abc", method=b"HEAD"), a_request(b"/next"))

    _, headers, _ = await caller.answer(has_body=False)
    assert headers["content-length"] == "4"
    assert (await caller.answer())[2] == b"/next"


async def test_a_handler_that_fails_is_a_500_that_tells_nothing(serving, caplog):
    async def handle(_):
        raise RuntimeError("the password is swordfish")

    caller = await (await serving(handle)).caller()
    await caller.send(a_request())

    status, _, body = await caller.answer()
    assert (status, code_of(body)) == (500, "http.internal") and b"swordfish" not in body
    assert "swordfish" in caplog.text


@pytest.mark.parametrize(
    "response",
    [
        Response(200, b"", [("x", "a\r\nset-cookie: b")]),
        Response(200, b"", [("x\ny", "a")]),
        Response(200, b"", [("x", "žluťoučký")]),
        Response(999, b""),
        Response(101, b""),
    ],
)
async def test_an_answer_that_would_split_is_a_500(serving, response):
    async def handle(_):
        return response

    caller = await (await serving(handle)).caller()
    await caller.send(a_request(), a_request())

    assert (await caller.answer())[0] == 500
    assert (await caller.answer())[0] == 500


async def test_a_body_in_chunks_is_sent_as_it_comes(serving):
    release = asyncio.Event()

    async def chunks():
        yield b"one"
        await release.wait()
        yield b"two"

    async def handle(_):
        return Response(200, chunks())

    caller = await (await serving(handle)).caller()
    await caller.send(a_request())
    async with asyncio.timeout(LIMIT_S):
        begun = await caller.reader.readuntil(b"one\r\n")
        release.set()
        ended = await caller.reader.readuntil(b"0\r\n\r\n")

    assert b"transfer-encoding: chunked" in begun and ended == b"3\r\ntwo\r\n0\r\n\r\n"


async def test_a_body_whose_source_fails_is_cut_off_not_ended(serving, caplog):
    async def chunks():
        yield b"one"
        raise RuntimeError("source is gone")

    async def handle(_):
        return Response(200, chunks())

    caller = await (await serving(handle)).caller()
    await caller.send(a_request())

    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await caller.answer()
    assert "source is gone" in caplog.text


@pytest.mark.parametrize(("said", "whole"), [(6, True), (7, False), (5, False)])
async def test_a_body_in_parts_keeps_the_length_it_was_said_to_have(serving, caplog, said, whole):
    async def parts():
        yield b"one"
        yield b"two"

    async def handle(_):
        return Response(200, parts(), [("Content-Length", str(said))])

    caller = await (await serving(handle)).caller()
    await caller.send(a_request())

    if whole:
        assert (await caller.answer())[2] == b"onetwo"
        await caller.send(a_request())
        assert (await caller.answer())[2] == b"onetwo"
    else:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await caller.answer()
            await caller.answer()
        assert f"was said to have {said}" in caplog.text


async def test_a_handler_streams_while_it_works_and_its_last_chunk_is_what_it_returns(serving):
    go_on = asyncio.Event()

    async def handle(request):
        request.sink.begin(201, [("x", "y")])
        await request.sink.write(b"first")
        await go_on.wait()
        await request.sink.write(b"")
        return Response(201, b"last", streamed=True)

    caller = await (await serving(handle)).caller()
    await caller.send(a_request(), a_request())
    head = await caller.reader.readuntil(b"first")
    go_on.set()
    rest = await caller.reader.readuntil(b"0\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 201") and b"x: y\r\n" in head
    assert rest == b"\r\n4\r\nlast\r\n0\r\n\r\n"
    assert (await caller.answer())[2] == b"firstlast"


@pytest.mark.parametrize("fails", [True, False])
async def test_a_stream_that_breaks_off_is_cut_not_ended(serving, fails):
    async def handle(request):
        request.sink.begin(200, [])
        await request.sink.write(b"first")
        if fails:
            raise ValueError
        return Response(500, b"an error")

    caller = await (await serving(handle)).caller()
    await caller.send(a_request())

    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await caller.reader.readuntil(b"0\r\n\r\n")


async def test_a_stream_goes_no_faster_than_its_caller_reads_and_ends_with_it(serving):
    sent, ended = [0], asyncio.Event()

    async def handle(request):
        request.sink.begin(200, [])
        try:
            while True:
                await request.sink.write(b"x" * 65536)
                sent[0] += 1
        finally:
            ended.set()

    caller = await (await serving(handle)).caller()
    await caller.send(a_request())
    await caller.reader.readuntil(b"x")
    before = -1
    while before != sent[0]:
        before = sent[0]
        for _ in range(100):
            await asyncio.sleep(0)
    caller.close()

    await asyncio.wait_for(ended.wait(), LIMIT_S)
    assert before < 1_000


async def test_an_idle_stream_ends_with_its_caller(serving):
    ended = asyncio.Event()

    async def handle(request):
        request.sink.begin(200, [])
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    caller = await (await serving(handle)).caller()
    await caller.send(a_request())
    await caller.reader.readuntil(b"\r\n\r\n")
    caller.close()

    await asyncio.wait_for(ended.wait(), LIMIT_S)


async def test_a_streamed_answer_to_head_has_no_body_and_to_an_old_caller_no_chunks(serving):
    async def handle(request):
        request.sink.begin(200, [])
        await request.sink.write(b"a")
        return Response(200, b"b", streamed=True)

    place = await serving(handle)
    caller, old = await place.caller(), await place.caller()
    await caller.send(a_request(method=b"HEAD"), a_request())
    await old.send(b"GET / HTTP/1.0\r\n\r\n")

    assert b"a" not in (await caller.reader.readuntil(b"\r\n\r\n")).partition(b"\r\n\r\n")[2]
    assert (await caller.answer())[2] == b"ab"
    assert (await old.reader.read()).endswith(b"\r\n\r\nab")


async def test_an_old_caller_gets_chunks_until_the_connection_ends(serving):
    async def chunks():
        yield b"one"
        yield b"two"

    async def handle(_):
        return Response(200, chunks())

    caller = await (await serving(handle)).caller()
    await caller.send(b"GET / HTTP/1.0\r\n\r\n")

    assert (await caller.rest()).endswith(b"\r\n\r\nonetwo")


async def test_a_caller_that_closes_its_sending_side_still_gets_the_answer(serving):
    release = asyncio.Event()

    async def handle(_):
        await release.wait()
        return Response(200, b"late")

    caller = await (await serving(handle)).caller()
    await caller.send(a_request())
    caller.writer.write_eof()
    asyncio.get_running_loop().call_later(0.05, release.set)

    assert (await caller.rest()).endswith(b"late")


@pytest.mark.parametrize("cancels", [True, False])
async def test_a_handler_ends_with_its_caller_only_where_asked(serving, cancels):
    entered, ended = asyncio.Event(), asyncio.Queue()
    release = asyncio.Event()

    async def handle(_):
        entered.set()
        try:
            await release.wait()
        except asyncio.CancelledError:
            ended.put_nowait("cancelled")
            raise
        ended.put_nowait("finished")
        return Response(200)

    place = await serving(handle, cancel_when_lost=cancels)
    caller = await place.caller()
    await caller.send(a_request())
    await asyncio.wait_for(entered.wait(), LIMIT_S)
    sock = caller.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    caller.writer.transport.abort()
    if not cancels:
        release.set()

    assert await asyncio.wait_for(ended.get(), LIMIT_S) == ("cancelled" if cancels else "finished")


async def test_a_drain_answers_what_was_accepted_and_closes(serving):
    entered, release = asyncio.Event(), asyncio.Event()

    async def handle(request):
        entered.set()
        await release.wait()
        return Response(200, request.path.encode())

    place = await serving(handle)
    busy, half, fresh = await place.caller(), await place.caller(), await place.caller()
    await busy.send(a_request(b"/busy"))
    await half.send(b"GET /half HTTP/1.1\r\n")
    await asyncio.wait_for(entered.wait(), LIMIT_S)
    draining = asyncio.create_task(place.server.drain(grace_s=LIMIT_S))
    await asyncio.sleep(0)
    await half.send(b"Host: a\r\n\r\n")
    await fresh.send(a_request(b"/fresh"))
    release.set()

    for caller, path in ((busy, b"/busy"), (half, b"/half"), (fresh, b"/fresh")):
        status, headers, body = await caller.answer()
        assert (status, headers["connection"], body) == (200, "close", path)
    assert await asyncio.wait_for(draining, LIMIT_S)
    with pytest.raises(OSError):
        await place.caller()


async def test_a_drain_that_listens_tells_late_requests_from_early_ones(serving):
    entered, release = asyncio.Event(), asyncio.Event()

    async def handle(request):
        if request.path == "/busy":
            entered.set()
            await release.wait()
        return Response(503 if request.is_late else 200)

    place = await serving(handle)
    busy = await place.caller()
    await busy.send(a_request(b"/busy"))
    await asyncio.wait_for(entered.wait(), LIMIT_S)
    draining = asyncio.create_task(place.server.drain(grace_s=LIMIT_S, listens=True))
    await asyncio.sleep(0)
    late = await place.caller()
    await late.send(a_request(b"/late"))
    refused = await late.answer()
    release.set()

    assert (refused[0], refused[1]["connection"]) == (503, "close")
    assert (await busy.answer())[0] == 200
    assert await asyncio.wait_for(draining, LIMIT_S)


async def test_a_drain_cuts_what_outlives_its_grace(serving, caplog):
    entered = asyncio.Event()

    async def handle(_):
        entered.set()
        await asyncio.Event().wait()
        raise AssertionError

    place = await serving(handle, cancel_when_lost=True)
    caller = await place.caller()
    await caller.send(a_request())
    await asyncio.wait_for(entered.wait(), LIMIT_S)

    assert not await place.server.drain(grace_s=0.05)
    assert "drain cut 1" in caplog.text


async def test_a_unix_socket_is_its_owners_alone_and_replaces_a_dead_one(tmp_path):
    path = tmp_path / "e.sock"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    server = Server(echo)
    await server.listen_unix(path)

    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(a_request(b"/unix"))
    answer = await asyncio.wait_for(reader.readuntil(b"/unix"), LIMIT_S)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 200") and stat.S_IMODE(path.stat().st_mode) == 0o600
    await server.drain(grace_s=LIMIT_S)
    assert not path.exists()
