"""The load client, in a process of its own: keep-alive POSTs, and a UDP port to which step b says that it is done.

`python -m bench.load throughput URL SECONDS CONNECTIONS COLLECTOR_PORT` or `... rate URL SECONDS PER_SECOND COLLECTOR_PORT`;
prints one JSON object: flows_per_s, posts, done, errors, latency_ms {p50, p95, p99} from POST sent to b's own clock.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from urllib.parse import urlsplit

import httptools
import uvloop

PADDING = "x" * 960  # about 1 KiB a message


class Load:
    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.address, self.path = (parts.hostname or "", parts.port or 80), parts.path
        self.head = f"POST {self.path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\n"
        self.sent: dict[str, int] = {}
        self.latencies: list[float] = []
        self.errors = self.posts = self.done = 0
        self.last_done = time.monotonic()
        self.next = 0

    def request(self) -> bytes:
        self.next += 1
        id = str(self.next)
        body = json.dumps({"id": id, "padding": PADDING})
        self.sent[id] = time.time_ns()
        self.posts += 1
        return f"{self.head}content-length: {len(body)}\r\n\r\n{body}".encode()

    def datagram_received(self, data: bytes, _address: object) -> None:
        id, at = data.split()
        if (sent := self.sent.pop(id.decode(), None)) is not None:
            self.latencies.append((int(at) - sent) / 1e6)
            self.done += 1
            self.last_done = time.monotonic()

    def connection_made(self, _transport: object) -> None: ...

    def connection_lost(self, _error: object) -> None: ...


class Caller(asyncio.Protocol):
    """One connection. In throughput mode it sends the next POST as soon as one is answered."""

    def __init__(self, load: Load, until: float, *, again: bool) -> None:
        self.load, self.until, self.again = load, until, again
        self.parser = httptools.HttpResponseParser(self)
        self.free = asyncio.Event()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        if self.again:
            transport.write(self.load.request())

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        if self.parser.get_status_code() >= 300:
            self.load.errors += 1
        if self.again and time.monotonic() < self.until:
            self.transport.write(self.load.request())
        else:
            self.free.set()


async def run(mode: str, url: str, seconds: float, amount: int, collector: int) -> dict:
    loop = asyncio.get_running_loop()
    load = Load(url)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    sock.bind(("127.0.0.1", collector))
    await loop.create_datagram_endpoint(lambda: load, sock=sock)  # type: ignore[arg-type]
    started = time.monotonic()
    until = started + seconds
    connections = amount if mode == "throughput" else 16
    callers = [
        (
            await loop.create_connection(
                lambda: Caller(load, until, again=mode == "throughput"), *load.address
            )
        )[1]
        for _ in range(connections)
    ]
    if mode == "rate":
        for number in range(int(seconds * amount)):
            await asyncio.sleep(max(0, started + number / amount - time.monotonic()))
            callers[number % connections].transport.write(load.request())
    else:
        await asyncio.wait(
            [asyncio.create_task(caller.free.wait()) for caller in callers], timeout=seconds + 10
        )
    quiet = time.monotonic() + 5
    while load.done < load.posts - load.errors and time.monotonic() < max(  # noqa: ASYNC110 datagrams set no event
        quiet, load.last_done + 1
    ):
        await asyncio.sleep(0.01)
    took = load.last_done - started
    ordered = sorted(load.latencies) or [float("nan")]
    at = lambda share: round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2)  # noqa: E731
    return {
        "flows_per_s": round(load.done / took, 1),
        "posts": load.posts,
        "done": load.done,
        "errors": load.errors,
        "latency_ms": {"p50": at(0.5), "p95": at(0.95), "p99": at(0.99)},
    }


if __name__ == "__main__":
    mode, url, seconds, amount, collector = sys.argv[1:]
    print(json.dumps(uvloop.run(run(mode, url, float(seconds), int(amount), int(collector)))))
