"""One sender's id, one answer: the second of two calls waits for the first's and gets it, never a second run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from wistro.engine.answers import Unavailable
from wistro.engine.parts import Parts
from wistro.store.port import AnswerTaken, StoredAnswer
from wistro.triggers.port import EndpointAnswer

HELD_AGAIN_S, HELD_TRIES = 0.05, 600  # another engine's call is waited for, as one of ours is
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
            kept = await self._kept_or_held(key)
            if kept is not None:
                others = EndpointAnswer(kept.status, kept.body, kept.headers)
                return EndpointAnswer(kept.status, kept.body, [*kept.headers, REPLAYED])
            try:
                answer = await run()
            except AnswerTaken:  # this engine was thought dead, and another ran the call
                return await self._others(key)
            finally:
                self._parts.store.free_answer(key)
            # Only what committed is an answer to others: after anything else the key is free again.
            if (kept := await self._parts.store.answer(key, now_us=0)) is not None:
                others = EndpointAnswer(kept.status, kept.body, kept.headers)
        finally:
            self._by_key.pop(key).set_result(others)
        return answer

    async def _kept_or_held(self, key: str) -> StoredAnswer | None:
        """The answer that is kept; None when there is none and no other engine runs a call under this key."""
        store = self._parts.store
        for _ in range(HELD_TRIES):
            is_held = await store.hold_answer(key)
            kept = await store.answer(key, now_us=self._parts.clock.now_us())
            if kept is not None and is_held:
                store.free_answer(key)
            if kept is not None or is_held:
                return kept
            await asyncio.sleep(HELD_AGAIN_S)
        raise Unavailable("another call under this key has not been answered yet")

    async def _others(self, key: str) -> EndpointAnswer:
        kept = await self._parts.store.answer(key, now_us=self._parts.clock.now_us())
        if kept is None:
            raise Unavailable("another call under this key is being answered")
        return EndpointAnswer(kept.status, kept.body, [*kept.headers, REPLAYED])
