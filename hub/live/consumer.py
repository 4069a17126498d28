"""The socket at /live: subscribes a page to topics and passes hints on, at most one a topic each 100 ms."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth import HASH_SESSION_KEY

from hub.common import doors
from hub.live import topics
from hub.live.rights import Listener
from hub.live.switchboard import switchboard
from wistro.errors import UserError

EVERY_S = 0.1
PING_EVERY_S = 20.0
MOST_TOPICS = 50
MESSAGE_LONGEST = 1024
SIGN_IN, NOT_ALLOWED, TOO_LONG = 4401, 4403, 1009


class TooManyTopics(UserError):
    """A socket may listen to a limited number of topics."""

    code = "live.too-many-topics"


class UnreadableMessage(UserError):
    """A message from a page that is none of ours."""

    code = "live.unreadable"
    hint = 'Send {"type": "subscribe", "topic": "…"} or {"type": "unsubscribe", "topic": "…"}.'


@dataclass
class Listening:
    """One topic of one socket, and the hint that waits for its 100 ms."""

    topic: str  # as the page wrote it
    organization_id: UUID
    cursor: dict[str, int] = field(default_factory=dict)
    last_at: float = float("-inf")
    timer: asyncio.TimerHandle | None = None


class Live(AsyncWebsocketConsumer):
    """One page's socket. Only members of a topic's organization hear it, for as long as they are."""

    async def connect(self) -> None:
        self.scope: Any  # what the middleware put in is not in channels' type of it
        self.listening: dict[str, Listening] = {}
        self.ended = False
        self._pings: asyncio.Task[None] | None = None
        self._sends: set[asyncio.Task[None]] = set()
        await self.accept()
        if not self.scope["user"].is_authenticated:
            self.ended = True
            await self.close(
                SIGN_IN
            )  # after accepting: a page cannot see why a handshake was refused
            return
        switchboard().add(self)
        self._pings = asyncio.create_task(self._ping())

    async def disconnect(self, code: int) -> None:
        self.ended = True
        if self._pings is not None:
            self._pings.cancel()
        for one in self.listening.values():
            if one.timer is not None:
                one.timer.cancel()
        await switchboard().remove(self)
        raise StopConsumer

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.ended:
            return
        if text_data is None or len(text_data) > MESSAGE_LONGEST:
            await self.end(TOO_LONG)
            return
        topic = None
        try:
            type_, topic = _read(text_data)
            if type_ == "subscribe":
                await self._subscribe(topic)
            else:
                await self._unsubscribe(topic)
        except UserError as error:
            await self._say({"type": "refused", "topic": topic, "code": error.code})

    async def _subscribe(self, text: str) -> None:
        topic = topics.read(text)
        if topic.group not in self.listening:
            if len(self.listening) >= MOST_TOPICS:
                raise TooManyTopics(f"At most {MOST_TOPICS} topics a socket")
            place = await database_sync_to_async(doors.organization_of)(
                topic.kind, topic.id, self.scope["user"].pk
            )
            if place is None:
                raise topics.NotYours("There is nothing here")
            self.listening[topic.group] = Listening(text, place.organization_id)
            await switchboard().join(self, topic.group)
        await self._say({"type": "subscribed", "topic": text})

    async def _unsubscribe(self, text: str) -> None:
        group = topics.read(text).group
        if (gone := self.listening.pop(group, None)) is not None:
            if gone.timer is not None:
                gone.timer.cancel()
            await switchboard().leave(self, group)

    def hint(self, group: str, cursor: Mapping[str, int] | None) -> None:
        """Gather this into the topic's next hint, which leaves 100 ms after its last one at the earliest."""
        one = self.listening.get(group)
        if one is None or self.ended:
            return
        for stream, seq in (cursor or {}).items():
            one.cursor[stream] = max(seq, one.cursor.get(stream, seq))
        if one.timer is None:
            loop = asyncio.get_running_loop()
            one.timer = loop.call_later(
                max(0.0, one.last_at + EVERY_S - loop.time()), self._flush, one
            )

    def _flush(self, one: Listening) -> None:
        cursor, one.cursor = one.cursor, {}
        one.timer, one.last_at = None, asyncio.get_running_loop().time()
        sending = asyncio.create_task(
            self._say({"type": "hint", "topic": one.topic, "cursor": cursor or None})
        )
        self._sends.add(sending)
        sending.add_done_callback(self._sends.discard)

    def listener(self) -> Listener:
        session = self.scope["session"]
        return Listener(
            session_key=session.session_key or "",
            session_hash=session.get(HASH_SESSION_KEY, ""),
            user_id=self.scope["user"].pk,
            organizations=frozenset(one.organization_id for one in self.listening.values()),
        )

    async def end(self, code: int) -> None:
        if not self.ended:
            self.ended = True
            await self.close(code)

    async def _ping(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            while not self.ended:
                await asyncio.sleep(PING_EVERY_S)
                await self._say({"type": "ping"})

    async def _say(self, message: dict[str, Any]) -> None:
        if not self.ended:
            await self.send(json.dumps(message))


def _read(text: str) -> tuple[str, str]:
    try:
        message = json.loads(text)
        type_, topic = message["type"], message["topic"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UnreadableMessage("Not a message of ours") from error
    if type_ not in ("subscribe", "unsubscribe") or not isinstance(topic, str):
        raise UnreadableMessage("Not a message of ours")
    return type_, topic
