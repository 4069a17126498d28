"""The client against our own server, and against a peer that says what it is told to say."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from wistro.http.client import Client, Lost, Unreachable
from wistro.http.message import Response
from wistro.http.server import Server

LIMIT_S = 10.0
TIMES: dict[str, Any] = {"connect_s": LIMIT_S, "answer_s": LIMIT_S}
HOST = [("host", "a")]


@pytest.fixture
async def engine(tmp_path):
    """`await engine(handle)` -> (server, client), joined by a unix socket."""
    made = []

    async def start(handle):
        server = Server(handle)
        path = tmp_path / f"{len(made)}.sock"
        await server.listen_unix(path)
        made.append((server, Client(path)))
        return made[-1]

    yield start
    for server, client in made:
        client.close()
        await server.close()


@pytest.fixture
async def peer(tmp_path):
    """`await peer(b"…", then="close")` -> a client of a peer that answers each request with these bytes."""
    servers, clients, release = [], [], asyncio.Event()

    async def start(said: bytes, *, then: str = "stay"):
        async def speak(reader, writer):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(said)
                if then == "close":
                    break
                if then == "hang":
                    await release.wait()
                    break
            writer.close()

        async def guarded(reader, writer):
            try:
                await speak(reader, writer)
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()

        path = tmp_path / "peer.sock"
        servers.append(await asyncio.start_unix_server(guarded, str(path)))
        clients.append(Client(path))
        return clients[-1]

    yield start
    release.set()
    for client in clients:
        client.close()
    for server in servers:
        server.close()
    await asyncio.sleep(0.01)


async def whole(answer):
    if isinstance(answer.body, bytes):
        return answer.body
    return b"".join([chunk async for chunk in answer.body])


async def test_a_request_arrives_as_it_was_sent_and_connections_are_kept(engine):
    seen = []

    async def handle(request):
        seen.append((request.method, request.target, request.headers, request.body))
        return Response(201, request.body, [("x-answer", "é")])

    server, client = await engine(handle)
    headers = [("host", "a"), ("x-one", "1"), ("x-one", "zwei ü")]
    answers = [
        await client.request("POST", "/a?b=%20c", headers, b"body", **TIMES) for _ in range(3)
    ]

    answer = answers[-1]
    assert (answer.status, answer.body, dict(answer.headers)["x-answer"]) == (201, b"body", "é")
    assert seen[0] == ("POST", "/a?b=%20c", [*headers, ("content-length", "4")], b"body")
    assert len(server._connections) == 1


async def test_many_requests_at_once_each_get_their_own_answer(engine):
    async def handle(request):
        await asyncio.sleep(0)
        return Response(200, request.body)

    _, client = await engine(handle)
    bodies = [b"%d" % number * 50 for number in range(100)]

    answers = await asyncio.gather(
        *(client.request("POST", "/", HOST, body, **TIMES) for body in bodies)
    )

    assert [answer.body for answer in answers] == bodies


async def test_a_large_answer_is_read_as_it_is_passed_on(engine):
    content = random.Random(3).randbytes(4_000_000)

    async def handle(_):
        return Response(200, content)

    _, client = await engine(handle)
    for _ in range(2):
        answer = await client.request("GET", "/", HOST, b"", **TIMES)
        assert not isinstance(answer.body, bytes)
        assert answer.body._waiting_bytes < 1_000_000
        assert await whole(answer) == content


async def test_head_gets_headers_and_no_body(engine):
    async def handle(_):
        return Response(200, b"hello")

    _, client = await engine(handle)

    answer = await client.request("HEAD", "/", HOST, **TIMES)

    assert (answer.body, dict(answer.headers)["content-length"]) == (b"", "5")


@pytest.mark.parametrize(
    ("said", "then", "body"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", "close", b"until the end"),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            "stay",
            b"ok",
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "stay", b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", "stay", b"a"),
    ],
)
async def test_every_framing_of_an_answer_is_read(peer, said, then, body):
    client = await peer(said, then=then)

    assert await whole(await client.request("GET", "/", HOST, b"", **TIMES)) == body
    assert await whole(await client.request("GET", "/", HOST, b"", **TIMES)) == body


@pytest.mark.parametrize(
    "said",
    [b"", b"HTTP/1.1 200", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"],
)
async def test_a_broken_answer_is_lost_and_nothing_is_sent_again(peer, said):
    client = await peer(said, then="close")

    with pytest.raises(Lost):
        await client.request("GET", "/", HOST, b"", **TIMES)


async def test_a_body_that_breaks_off_is_lost_where_it_breaks(peer):
    client = await peer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", then="close")

    answer = await client.request("GET", "/", HOST, b"", **TIMES)

    with pytest.raises(Lost):
        await whole(answer)


async def test_an_answer_that_does_not_come_in_time_is_lost(peer):
    client = await peer(b"", then="hang")

    with pytest.raises(Lost, match="in time"):
        await client.request("GET", "/", HOST, connect_s=LIMIT_S, answer_s=0.05)


async def test_a_body_that_stops_is_lost(peer):
    client = await peer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", then="hang")

    answer = await client.request("GET", "/", HOST, connect_s=LIMIT_S, answer_s=0.05)

    with pytest.raises(Lost, match="stopped"):
        await whole(answer)


async def test_no_engine_is_unreachable_so_the_request_was_not_sent(tmp_path):
    client = Client(tmp_path / "nobody.sock")

    with pytest.raises(Unreachable):
        await client.request("GET", "/", HOST, b"", connect_s=LIMIT_S, answer_s=LIMIT_S)


async def test_a_cancelled_request_closes_its_connection(engine):
    entered = asyncio.Event()

    async def handle(_):
        entered.set()
        await asyncio.Event().wait()
        raise AssertionError

    server, client = await engine(handle)
    server.cancel_when_lost = True
    asking = asyncio.create_task(client.request("POST", "/", HOST, b"x" * 10, **TIMES))
    await asyncio.wait_for(entered.wait(), LIMIT_S)

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert not client._idle


async def test_a_connection_that_the_engine_closed_is_not_used_again(engine, tmp_path):
    async def handle(_):
        return Response(200, b"ok")

    server, client = await engine(handle)
    await client.request("GET", "/", HOST, b"", **TIMES)
    await server.drain(grace_s=LIMIT_S)
    again = Server(handle)
    await again.listen_unix(tmp_path / "0.sock")

    assert (await client.request("GET", "/", HOST, b"", **TIMES)).body == b"ok"
    client.close()
    await again.close()
