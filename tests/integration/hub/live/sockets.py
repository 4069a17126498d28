"""A page's socket in tests: the real ASGI application, the real session, Redis and PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import Any

from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings

from hub.accounts.models import User
from hub.common.settings import SETTINGS
from tests.factories.clients import client

LIMIT_S = 10


class Page:
    """`async with Page(user) as page: await page.subscribe("lines:env_…")`."""

    def __init__(self, user: User | None, *, origin: str = SETTINGS.hub_url) -> None:
        self.user, self.origin = user, origin

    async def __aenter__(self) -> Page:
        from hub.asgi import application

        self.client = await database_sync_to_async(client)(self.user)
        headers = [(b"origin", self.origin.encode())]
        if self.user is not None:
            cookie = self.client.cookies[settings.SESSION_COOKIE_NAME].value
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
        self.socket = WebsocketCommunicator(application, "/live", headers)
        self.accepted, self.code = await self.socket.connect(timeout=LIMIT_S)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.disconnect()

    async def say(self, **message: Any) -> None:
        await self.socket.send_json_to(message)

    async def hear(self) -> dict[str, Any]:
        return await self.socket.receive_json_from(timeout=LIMIT_S)

    async def subscribe(self, topic: str) -> dict[str, Any]:
        await self.say(type="subscribe", topic=topic)
        return await self.hear()

    async def closed_with(self) -> int:
        """The code it is closed with; anything said before is passed over."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                message = await self.socket.receive_output(timeout=LIMIT_S)
                if message["type"] == "websocket.close":
                    return message["code"]
