"""The proxy's own limits: what it meets does not end what it serves."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from contextlib import closing

import pytest

from runner.sandbox.egress import Egress
from runner.sandbox.network import Admission, Forward
from runner.sandbox.proxy import Sandbox

LIMIT_S = 20


class Noting(Sandbox):
    """Carries nothing: says that a connection was accepted."""

    accepted: asyncio.Event

    async def _carry(self, inside: socket.socket, forward: Forward | None) -> None:
        inside.close()
        self.accepted.set()


async def test_a_moment_without_descriptors_does_not_end_a_sandboxs_network() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    caller = socket.create_connection(listener.getsockname())
    ours, theirs = socket.socketpair()
    with closing(listener), closing(caller), closing(ours), closing(theirs):
        sandbox = Noting(Admission("a"), Egress(), ours, -1)
        sandbox.accepted = asyncio.Event()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest_free = os.dup(0)
        os.close(lowest_free)

        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
        try:
            accepting = asyncio.create_task(sandbox._accept(listener, None))
            for _ in range(5):
                await asyncio.sleep(0)
            assert not sandbox.accepted.is_set()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

        await asyncio.wait_for(sandbox.accepted.wait(), LIMIT_S)
        accepting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await accepting
