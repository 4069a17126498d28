"""One connection to Redis and one watch over rights for all sockets of a process.

Channels' own layers are not used: they do not tell that they were reconnected, and what was published in
between would stay unread until the next hint. Here every page is told to read again after a reconnection.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import redis.asyncio as aioredis
import structlog
from channels.db import database_sync_to_async
from django.db import Error as DatabaseFailed
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from hub.common.settings import SETTINGS
from hub.live import rights
from hub.live.publishing import CHANNEL

log = structlog.get_logger()
WATCH_EVERY_S = 2.0
RECONNECT_AFTER_S = (0.1, 0.2, 0.5, 1.0)
KEEP_OPEN = (
    CHANNEL + "keep-open"
)  # a subscription that is always there, so that reading can wait on it


class Socket(Protocol):
    def hint(self, group: str, cursor: Mapping[str, int] | None) -> None: ...
    def listener(self) -> rights.Listener: ...
    async def end(self, code: int) -> None: ...


class Switchboard:
    """Of one event loop; runs while it has sockets."""

    def __init__(self) -> None:
        self.sockets: set[Socket] = set()
        self.sockets_by_group: dict[str, set[Socket]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._pubsub: Any = None
        self._lock = asyncio.Lock()  # subscribing and unsubscribing go one by one

    def add(self, socket: Socket) -> None:
        self.sockets.add(socket)
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._watch())]

    async def remove(self, socket: Socket) -> None:
        for group in [
            group for group, sockets in self.sockets_by_group.items() if socket in sockets
        ]:
            await self.leave(socket, group)
        self.sockets.discard(socket)
        if not self.sockets:
            tasks, self._tasks = self._tasks, []
            await _end(tasks)

    async def join(self, socket: Socket, group: str) -> None:
        """From here on the socket gets the group's hints; with Redis away, from when it is back."""
        async with self._lock:
            sockets = self.sockets_by_group.setdefault(group, set())
            if not sockets and self._pubsub is not None:
                with contextlib.suppress(
                    RedisError, OSError
                ):  # _receive sees it too, and joins all anew
                    await self._pubsub.subscribe(CHANNEL + group)
            sockets.add(socket)

    async def leave(self, socket: Socket, group: str) -> None:
        async with self._lock:
            sockets = self.sockets_by_group.get(group, set())
            sockets.discard(socket)
            if (
                not sockets
                and self.sockets_by_group.pop(group, None) is not None
                and self._pubsub is not None
            ):
                with contextlib.suppress(RedisError, OSError):
                    await self._pubsub.unsubscribe(CHANNEL + group)

    async def _receive(self) -> None:
        failures = 0
        while True:
            client = _client()
            try:
                async with client, client.pubsub() as pubsub:
                    await self._connected(pubsub)
                    failures = 0
                    while True:
                        message = await pubsub.get_message(
                            ignore_subscribe_messages=True, timeout=5
                        )
                        if message is not None and message["type"] == "message":
                            self._dispatch(message)
            except (RedisError, OSError) as error:
                wait_s = RECONNECT_AFTER_S[min(failures, len(RECONNECT_AFTER_S) - 1)]
                failures += 1
                log.warning("live.redis-away", why=str(error), again_after_s=wait_s)
                await asyncio.sleep(wait_s)
            finally:
                self._pubsub = None

    async def _connected(self, pubsub: Any) -> None:
        async with self._lock:
            await pubsub.subscribe(KEEP_OPEN, *(CHANNEL + group for group in self.sockets_by_group))
            self._pubsub = pubsub
        for group, sockets in list(self.sockets_by_group.items()):
            for socket in list(sockets):
                socket.hint(group, None)

    def _dispatch(self, message: Mapping[str, Any]) -> None:
        group = message["channel"].decode().removeprefix(CHANNEL)
        cursor = json.loads(message["data"])
        for socket in list(self.sockets_by_group.get(group, ())):
            socket.hint(group, cursor)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            sockets = list(self.sockets)
            try:
                gone = await database_sync_to_async(rights.lost)(
                    [one.listener() for one in sockets]
                )
            except DatabaseFailed as error:  # also InterfaceError, which is no DatabaseError
                log.warning("live.rights-unknown", why=str(error))
                continue
            for place in gone:
                await sockets[place].end(4403)


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel until they are done: redis-py swallows one cancellation in ten (seen with 8.1: cancel while it connects)."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=0.05)


def _client() -> aioredis.Redis:
    """Without retries: a connection that mends itself would not tell us that hints were missed."""
    return aioredis.Redis.from_url(
        SETTINGS.redis_url,
        socket_connect_timeout=2,
        health_check_interval=5,
        retry=Retry(NoBackoff(), 0),
    )


_BY_LOOP: WeakKeyDictionary[asyncio.AbstractEventLoop, Switchboard] = WeakKeyDictionary()


def switchboard() -> Switchboard:
    return _BY_LOOP.setdefault(asyncio.get_running_loop(), Switchboard())
