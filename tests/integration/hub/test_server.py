"""The Hub's own server: what a body may be is decided while it comes, by a real process over real sockets."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hub.common.api import limits
from infra.ports import free_ports

ROOT = Path(__file__).parents[3]
LIMIT_S = 30.0
BLOB = f"/api/v1/projects/prj_1/blobs/{'a' * 64}"
# Answers how many bytes came, in how many pieces, and the most memory that the server had.
APP = """
import json, resource
async def application(scope, receive, send):
    size = pieces = 0
    while True:
        said = await receive()
        if said["type"] == "http.disconnect":
            return
        size, pieces = size + len(said["body"]), pieces + 1
        if not said["more_body"]:
            break
    told = {"size": size, "pieces": pieces, "kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})
"""
# The same server with bounds that a test can wait for.
SMALL = """
import sys
import daphne.server
from hub import server
server.HEADERS_S, server.BODY_S, server.SLOWEST, server.HELD_MOST = 0.5, 0.5, 1 << 40, 1 << 20
daphne.server.HTTPFactory = server.BoundedFactory
server.CommandLine().run(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("server")
    (folder / "counts.py").write_text(APP)
    (folder / "small.py").write_text(SMALL)
    (folder / "tmp").mkdir()
    return folder


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    yield from running(folder, "-m", "hub.server")


@pytest.fixture(scope="module")
def small(folder: Path) -> Iterator[int]:
    yield from running(folder, str(folder / "small.py"))


def running(folder: Path, *program: str) -> Iterator[int]:
    port = free_ports(1)[0]
    argv = [sys.executable, *program, "-b", "127.0.0.1", "-p", str(port), "counts:application"]
    env = {**os.environ, "PYTHONPATH": f"{ROOT}:{folder}", "TMPDIR": str(folder / "tmp")}
    with (folder / f"{port}.log").open("wb") as said:
        process = subprocess.Popen(argv, cwd=folder, env=env, stdout=said, stderr=said)
    try:
        end = time.monotonic() + LIMIT_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                log = (folder / f"{port}.log").read_text()
                assert process.poll() is None and time.monotonic() < end, log
                time.sleep(0.05)  # a server that starts tells nobody when it is ready
        yield port
    finally:
        process.kill()
        process.wait(10)


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), LIMIT_S)


def head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: hub", *lines, "", ""]).encode()


def answer(to: socket.socket) -> tuple[int, dict, str | None]:
    got = http.client.HTTPResponse(to)
    got.begin()
    return got.status, json.loads(got.read()), got.getheader("connection")


def flood(to: socket.socket, piece: bytes, most: int) -> int:
    """Send until the other side has enough; how much it took."""
    sent = 0
    try:
        while sent < most:
            to.sendall(piece)
            sent += len(piece)
    except OSError:  # it closed
        pass
    return sent


def test_a_gigabyte_announced_is_refused_before_a_byte_of_it_is_sent(port):
    for path in ("/api/v1/projects", "/hooks/github", "/whatever"):
        with closing(connected(port)) as to:
            to.sendall(head("POST", path, f"Content-Length: {1 << 30}", "Expect: 100-continue"))

            status, said, connection = answer(to)

            assert (status, connection) == (413, "close")
            assert said["error"]["code"] == "request.too-large"
            assert to.recv(1) == b""


def test_an_endless_chunked_body_is_refused_at_the_limit_and_its_sender_cut_off(port, folder):
    with closing(connected(port)) as to:
        to.sendall(head("POST", "/api/v1/projects", "Transfer-Encoding: chunked"))
        piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        flood(to, piece, limits.BODY + (1 << 20))

        status, said, _ = answer(to)
        flood(to, piece, 1 << 40)  # the end of this is that the server closes

        assert (status, said["error"]["code"]) == (413, "request.too-large")
        assert list((folder / "tmp").iterdir()) == []


def test_a_body_at_the_limit_is_taken_whole(port):
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)) as asked:
        asked.request("POST", "/api/v1/projects", b"x" * limits.BODY)
        first = json.loads(asked.getresponse().read())
        asked.request("POST", "/api/v1/projects", iter([b"x" * 1000] * 3), {}, encode_chunked=True)
        second = json.loads(asked.getresponse().read())
        asked.request("GET", "/")
        third = json.loads(asked.getresponse().read())

    assert [first["size"], second["size"], third["size"]] == [limits.BODY, 3000, 0]


def test_a_large_blob_is_read_piece_by_piece_and_never_held_in_memory(port):
    size = 200 << 20
    with closing(connected(port)) as to:
        to.sendall(head("GET", "/"))
        before = answer(to)[1]["kib"]
        to.sendall(head("PUT", BLOB, f"Content-Length: {size}"))
        assert flood(to, b"x" * (1 << 20), size) == size

        status, said, _ = answer(to)

    assert (status, said["size"]) == (200, size)
    assert said["pieces"] > 1000
    assert (said["kib"] - before) << 10 < 64 << 20


def test_a_blob_over_its_limit_is_refused_and_only_a_put_of_one_may_be_large(port):
    tried = [
        ("PUT", BLOB, limits.BLOB + 1),
        ("POST", BLOB, limits.BODY + 1),
        ("PUT", f"{BLOB}/../../source", limits.BODY + 1),
    ]
    for method, path, length in tried:
        with closing(connected(port)) as to:
            to.sendall(head(method, path, f"Content-Length: {length}"))
            assert answer(to)[0] == 413


def test_a_request_whose_headers_or_body_do_not_come_is_ended(small):
    half_a_body = head("POST", "/api/v1/projects", "Content-Length: 10") + b"12345"
    for begun in (b"POST / HTTP/1.1\r\nHost: hub\r\n", half_a_body):
        with closing(connected(small)) as to:
            to.sendall(begun)

            status, said, connection = answer(to)

            assert (status, connection) == (408, "close")
            assert said["error"]["code"] == "request.too-slow"


def test_more_large_bodies_than_may_be_held_are_refused_until_there_is_room(small):
    def put(size: int) -> int:
        with closing(connected(small)) as to:
            to.sendall(head("PUT", BLOB, f"Content-Length: {size}"))
            flood(to, b"x" * (1 << 18), size)
            return answer(to)[0]

    assert put(limits.BODY + (1 << 19)) == 200
    assert put(limits.BODY + (1 << 21)) == 503
    assert put(limits.BODY + (1 << 19)) == 200
