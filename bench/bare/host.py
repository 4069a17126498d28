"""The bare host: reads frames [number, step, message], runs step a or b, writes [number, emitted | null]."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
import time

import msgspec
import uvloop

told = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
told.setblocking(False)
collector = ("127.0.0.1", int(os.environ["BENCH_COLLECTOR"]))


async def a(message: dict) -> dict:
    return message


async def b(message: dict) -> None:
    told.sendto(f"{message['id']} {time.time_ns()}".encode(), collector)


class Host(asyncio.Protocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self.buffer = bytearray()
        self.out: list[bytes] = []
        self.tasks: set[asyncio.Task] = set()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        at = 0
        while len(self.buffer) - at >= 4:
            (size,) = struct.unpack_from(">I", self.buffer, at)
            if len(self.buffer) - at - 4 < size:
                break
            frame = msgspec.json.decode(memoryview(self.buffer)[at + 4 : at + 4 + size])
            at += 4 + size
            task = asyncio.create_task(self.run(*frame))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        del self.buffer[:at]

    async def run(self, number: int, step: str, message: dict) -> None:
        answer = msgspec.json.encode([number, await (a if step == "a" else b)(message)])
        if not self.out:
            asyncio.get_running_loop().call_soon(self.flush)
        self.out += (struct.pack(">I", len(answer)), answer)

    def flush(self) -> None:
        out, self.out = self.out, []
        self.transport.write(b"".join(out))

    def connection_lost(self, exc: Exception | None) -> None:
        asyncio.get_running_loop().stop()


async def main() -> None:
    loop = asyncio.get_running_loop()
    await loop.create_connection(Host, sock=socket.socket(fileno=int(sys.argv[1])))
    await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        uvloop.run(main())
    except RuntimeError:  # the loop was stopped: the server is gone
        sys.exit(0)
