"""One sender's id, one answer: the second of two calls waits for the first's and gets it, never a second run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from wistro.engine.parts import Parts
from wistro.triggers.port import EndpointAnswer

REPLAYED = ("idempotent-replayed", "true")


class Once:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._by_key: dict[str, asyncio.Future[EndpointAnswer | None]] = {}

    async def answer(
        self, key: str, run: Callable[[], Awaitable[EndpointAnswer]]
    ) -> EndpointAnswer:
        """The answer that is kept under `key`, or what `run` answers; `run` keeps it when it commits."""
        while (first := self._by_key.get(key)) is not None:
            if (answer := await asyncio.shield(first)) is not None:
                return EndpointAnswer(answer.status, answer.body, [*answer.headers, REPLAYED])
        self._by_key[key] = asyncio.get_running_loop().create_future()
        others: EndpointAnswer | None = None
        try:
            kept = await self._parts.store.answer(key, now_us=self._parts.clock.now_us())
            if kept is not None:
                others = EndpointAnswer(kept.status, kept.body, kept.headers)
                return EndpointAnswer(kept.status, kept.body, [*kept.headers, REPLAYED])
            answer = await run()
            # Only what committed is an answer to others: after anything else the key is free again.
            if await self._parts.store.answer(key, now_us=0) is not None:
                others = answer
        finally:
            self._by_key.pop(key).set_result(others)
        return answer
