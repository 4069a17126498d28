from __future__ import annotations

import asyncio
import os
import stat
import tempfile
from pathlib import Path

import pytest

from runner.agent.control import End, Load, Orders, ToEngine, listening, receive, send
from runner.agent.locks import AlreadyRunning, hold


def fed(content: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    reader.feed_data(content)
    reader.feed_eof()
    return reader


async def test_orders_arrive_as_they_were_given_and_the_socket_is_its_owners():
    with tempfile.TemporaryDirectory(prefix="w-") as folder:
        path, got = Path(folder) / "c.sock", asyncio.Queue()

        async def take(reader, writer):
            while (message := await receive(reader, ToEngine)) is not None:
                got.put_nowait(message)
            writer.close()
            await writer.wait_closed()
            got.put_nowait(None)

        server = await asyncio.start_unix_server(take, sock=listening(path))
        load = Load("d", 1, 2, "/root", {"KEY": "ü\n"}, ["KEY"], draining=True)
        orders = Orders(3, 4, "a2V5", [load], "d")
        _, writer = await asyncio.open_unix_connection(str(path))
        await send(writer, orders)
        await send(writer, End())

        assert [await got.get(), await got.get()] == [orders, End()]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        writer.close()
        await writer.wait_closed()
        assert await got.get() is None
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    "content",
    [b"", b"\0\0", b"\xff\xff\xff\xff", b"\0\0\0\2{", b"\0\0\0\2{}", b"\0\0\0\3abc"],
)
async def test_nonsense_is_the_other_sides_end(content):
    assert await receive(fed(content), ToEngine) is None


async def test_a_folder_has_one_holder_at_a_time(tmp_path):
    first = await hold(tmp_path / "lock", wait_s=0)
    with pytest.raises(AlreadyRunning):
        await hold(tmp_path / "lock", wait_s=0)
    waiting = asyncio.create_task(hold(tmp_path / "lock", wait_s=10))

    os.close(first)

    os.close(await waiting)
