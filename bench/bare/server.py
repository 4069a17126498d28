"""The bare server: POST -> step a in the host -> commit (fsync) its emit -> 200 -> step b -> commit it done.

One writer thread gathers what waits into one SQLite transaction (WAL, synchronous=FULL).
Usage: python -m bench.bare.server PORT FOLDER [python|node]; prints `ready` when it listens.
"""

from __future__ import annotations

import asyncio
import os
import queue
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
from pathlib import Path

import httptools
import msgspec
import uvloop

HERE = Path(__file__).parent


class Store:
    """`put(message)` and `done(id)` resolve once on disk."""

    def __init__(self, path: Path, loop: asyncio.AbstractEventLoop) -> None:
        self.path, self.loop = path, loop
        self.waiting: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(target=self.write, daemon=True).start()

    def submit(self, sql: str, row: tuple) -> asyncio.Future:
        future = self.loop.create_future()
        self.waiting.put((sql, row, future))
        return future

    def write(self) -> None:
        db = sqlite3.connect(self.path, isolation_level=None)
        db.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
            "CREATE TABLE IF NOT EXISTS queue (id INTEGER PRIMARY KEY, message BLOB)"
        )
        while True:
            batch = [self.waiting.get()]
            while len(batch) < 512:
                try:
                    batch.append(self.waiting.get_nowait())
                except queue.Empty:
                    break
            db.execute("BEGIN IMMEDIATE")
            for sql, row, _ in batch:
                db.execute(sql, row)
            db.execute("COMMIT")
            self.loop.call_soon_threadsafe(resolve, [future for *_, future in batch])


def resolve(futures: list[asyncio.Future]) -> None:
    for future in futures:
        future.set_result(None)


class HostConnection(asyncio.Protocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self.buffer = bytearray()
        self.out: list[bytes] = []
        self.calls: dict[int, asyncio.Future] = {}
        self.number = 0

    def call(self, step: str, message: object) -> asyncio.Future:
        self.number += 1
        self.calls[self.number] = future = asyncio.get_running_loop().create_future()
        frame = msgspec.json.encode([self.number, step, message])
        if not self.out:
            asyncio.get_running_loop().call_soon(self.flush)
        self.out += (struct.pack(">I", len(frame)), frame)
        return future

    def flush(self) -> None:
        out, self.out = self.out, []
        self.transport.write(b"".join(out))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        at = 0
        while len(self.buffer) - at >= 4:
            (size,) = struct.unpack_from(">I", self.buffer, at)
            if len(self.buffer) - at - 4 < size:
                break
            number, value = msgspec.json.decode(memoryview(self.buffer)[at + 4 : at + 4 + size])
            at += 4 + size
            self.calls.pop(number).set_result(value)
        del self.buffer[:at]


class Http(asyncio.Protocol):
    def __init__(self, store: Store, host: HostConnection) -> None:
        self.store, self.host = store, host
        self.parser = httptools.HttpRequestParser(self)
        self.tasks: set[asyncio.Task] = set()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.body = b""

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.keep(self.answer(self.body))

    def keep(self, work) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def answer(self, body: bytes) -> None:
        message = await self.host.call("a", msgspec.json.decode(body))
        self.host.number += 1
        id = self.host.number
        await self.store.submit(
            "INSERT INTO queue VALUES (?, ?)", (id, msgspec.json.encode(message))
        )
        self.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}"
        )
        await self.host.call("b", message)
        await self.store.submit("DELETE FROM queue WHERE id = ?", (id,))


def start_host(language: str, channel: socket.socket) -> subprocess.Popen[bytes]:
    is_python = language == "python"
    argv = (
        [sys.executable, str(HERE / "host.py")] if is_python else ["node", str(HERE / "host.mjs")]
    )
    fd = channel.fileno()
    return subprocess.Popen([*argv, str(fd)], pass_fds=[fd], env=os.environ)


async def main(port: int, folder: Path, language: str) -> None:
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    host_process = start_host(language, theirs)
    theirs.close()
    _, host = await loop.create_connection(HostConnection, sock=ours)
    store = Store(folder / "queue.db", loop)
    server = await loop.create_server(lambda: Http(store, host), "127.0.0.1", port)
    print("ready", flush=True)
    try:
        await server.serve_forever()
    finally:
        host_process.kill()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2]), (sys.argv[3:] or ["python"])[0]))
