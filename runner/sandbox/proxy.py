"""The process outside that a sandbox's connections leave by: `python -m runner.sandbox.proxy <control descriptor>`.

Its launcher sends an Admission with each start; the sandbox's stub then sends the sockets that it listens on.
They stay in the sandbox's network namespace while we accept from them here, in ours. What a sandbox had ends with it.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import os
import resource
import socket
import sys

import msgspec

from runner.sandbox.connect import Refused, Rules, Unreachable, connect
from runner.sandbox.egress import Egress
from runner.sandbox.network import Admission, Forward, split

_MAX_MESSAGE = 1 << 20
_MAX_HEAD = 32 << 10
_HEAD_TIMEOUT_S = 30.0
_HANDOFF_TIMEOUT_S = 30.0
_MAX_CONNECTIONS = 512
_ACCEPT_AGAIN_S = 0.1
_CHUNK = 64 << 10


class Sandbox:
    """One sandbox's listeners and connections, until its pidfd says that it died."""

    def __init__(self, admission: Admission, egress: Egress, handoff: socket.socket, pidfd: int):
        self._forwards = admission.forwards
        self._rules = Rules.read(
            trusted=egress.trusted_networks,
            hub=egress.hub,
            only=admission.only,
            exempt=admission.exempt,
        )
        self._handoff = handoff
        self._pidfd = pidfd
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        died = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pidfd, died.set)
        listeners: list[socket.socket] = []
        try:
            listeners = await self._receive()
            for listener, forward in zip(listeners, [None, *self._forwards], strict=True):
                self._start(self._accept(listener, forward))
            await died.wait()
        except (OSError, ValueError, TimeoutError):
            pass  # the sandbox ended before it listened
        finally:
            loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            for task in self._tasks:
                task.cancel()
            for listener in listeners:
                listener.close()

    async def _receive(self) -> list[socket.socket]:
        """The stub's listeners, sent in one message."""
        with self._handoff as handoff:
            async with asyncio.timeout(_HANDOFF_TIMEOUT_S):
                _, descriptors = await _receive(handoff, len(self._forwards) + 1)
        return [socket.socket(fileno=descriptor) for descriptor in descriptors]

    def _start(self, work) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket, forward: Forward | None) -> None:
        loop = asyncio.get_running_loop()
        listener.setblocking(False)
        while True:
            try:
                inside, _ = await loop.sock_accept(listener)
            except OSError:  # no descriptor is free; or the caller has left already
                await asyncio.sleep(_ACCEPT_AGAIN_S)
                continue
            if len(self._tasks) > _MAX_CONNECTIONS:
                inside.close()
            else:
                self._start(self._carry(inside, forward))

    async def _carry(self, inside: socket.socket, forward: Forward | None) -> None:
        """One connection from its first byte to its last."""
        inside.setblocking(False)
        with inside, contextlib.suppress(OSError, Refused, Unreachable, TimeoutError):
            if forward is None:
                outside, first = await self._ask(inside)
            else:
                outside, first = await connect(forward.host, forward.port, self._rules), b""
            with outside:
                await asyncio.get_running_loop().sock_sendall(outside, first)
                await _splice(inside, outside)

    async def _ask(self, inside: socket.socket) -> tuple[socket.socket, bytes]:
        """Read a proxy request, connect for it, and say so; the bytes are what the other side gets first."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_HEAD_TIMEOUT_S):
            head, rest = await _read_head(inside)
        try:
            request = _Request.read(head)
            outside = await connect(request.host, request.port, self._rules)
        except Refused as refused:
            await loop.sock_sendall(inside, _answer("403 Forbidden", f"wistro: {refused}"))
            raise
        except Unreachable as problem:
            await loop.sock_sendall(inside, _answer("502 Bad Gateway", f"wistro: {problem}"))
            raise
        if request.forwarded is None:
            await loop.sock_sendall(inside, b"HTTP/1.1 200 Connection established\r\n\r\n")
            return outside, rest
        return outside, request.forwarded + rest


class _Request(msgspec.Struct):
    """CONNECT host:port, or a plain-http request whose head is sent on in its own form."""

    host: str
    port: int
    forwarded: bytes | None = None

    @classmethod
    def read(cls, head: bytes) -> _Request:
        try:
            first, *lines = head.decode("latin-1").split("\r\n")
            method, target, version = first.split(" ")
            if method == "CONNECT":
                host, port = split(target)
                return cls(host, port)
            scheme, _, rest = target.partition("://")
            authority, slash, path = rest.partition("/")
            if scheme.lower() != "http" or "@" in authority:
                raise ValueError(target)
            has_port = ":" in authority.rpartition("]")[2]
            host, port = split(authority if has_port else f"{authority}:80")
        except Exception as problem:
            raise Refused("this is no request that the proxy understands") from problem
        kept = [line for line in lines if not line.lower().startswith(("proxy-", "connection:"))]
        request = [f"{method} {slash or '/'}{path} {version}", *kept, "Connection: close", "", ""]
        return cls(host, port, "\r\n".join(request).encode("latin-1"))


def _answer(status: str, text: str) -> bytes:
    body = f"{text}\n".encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n"
    return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


async def _read_head(connection: socket.socket) -> tuple[bytes, bytes]:
    """Up to the empty line, and what came after it."""
    loop = asyncio.get_running_loop()
    text = bytearray()
    while (end := text.find(b"\r\n\r\n")) < 0:
        if len(text) > _MAX_HEAD:
            raise OSError("the request's head is too long")
        chunk = await loop.sock_recv(connection, _CHUNK)
        if not chunk:
            raise OSError("closed before it asked for anything")
        text += chunk
    return bytes(text[:end]), bytes(text[end + 4 :])


async def _splice(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until both sides have ended."""
    async with asyncio.TaskGroup() as both:
        both.create_task(_pour(one, other))
        both.create_task(_pour(other, one))


async def _pour(source: socket.socket, target: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    buffer = memoryview(bytearray(_CHUNK))
    try:
        while count := await loop.sock_recv_into(source, buffer):
            await loop.sock_sendall(target, buffer[:count])
    except OSError:
        _shut(source, socket.SHUT_RDWR)
    _shut(target, socket.SHUT_WR)


def _shut(connection: socket.socket, how: int) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(how)


async def _receive(connection: socket.socket, most: int) -> tuple[bytes, list[int]]:
    """One message and the descriptors that came with it; an empty one is the end."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    connection.setblocking(False)
    loop.add_reader(connection, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(connection)
    space = socket.CMSG_SPACE(most * array.array("i").itemsize)
    message, ancillary, _, _ = connection.recvmsg(_MAX_MESSAGE, space)
    descriptors = array.array("i")
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    return message, list(descriptors)


async def serve(control: socket.socket, egress: Egress) -> None:
    """Admit sandboxes until the launcher is gone."""
    sandboxes: set[asyncio.Task[None]] = set()
    while True:
        message, descriptors = await _receive(control, 2)
        if not message:
            break
        admission = msgspec.json.decode(message, type=Admission)
        handoff, pidfd = descriptors
        sandbox = Sandbox(admission, egress, socket.socket(fileno=handoff), pidfd)
        task = asyncio.create_task(sandbox.serve())
        sandboxes.add(task)
        task.add_done_callback(sandboxes.discard)
    for task in sandboxes:
        task.cancel()


def main() -> None:
    import uvloop

    # Two descriptors a connection: the usual 1,024 would end before the connections of one sandbox do.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    egress = msgspec.json.decode(sys.stdin.buffer.read(), type=Egress)
    with socket.socket(fileno=int(sys.argv[1])) as control:
        uvloop.run(serve(control, egress))


if __name__ == "__main__":
    main()
