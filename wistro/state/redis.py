"""State in a Redis or Valkey that others may read and write too: a hash a group, JSON values.

What one commit writes is applied in one transaction that watches the groups it reads, so an increment of somebody else
is never lost. How far it came stands beside it, in the same transaction: nothing is applied twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from wistro.errors import UserError
from wistro.state.port import StateUnreachable, StateUnreadable
from wistro.state.settling import Settled, settle
from wistro.store.port import StateWrite
from wistro.store.state import MISSING

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

T = TypeVar("T")
CONNECT_S = 2.0
ANSWER_S = 5.0
APPLIED_KEPT_S = 30 * 24 * 3600  # how far a boot came; longer than any of its commits waits
TRIES = 50  # a transaction whose groups others keep changing


class NoRedisPackage(UserError):
    """`state: {adapter: redis}`, and the package that speaks to it is not installed."""

    code = "state.no-redis"
    hint = "Install wistro with it: pip install 'wistro[redis]'."


class RedisState:
    """Implements `StateAdapter`. Keys are `<prefix>:state:<group>` and `<prefix>:applied:<stream>`."""

    name = "redis"

    def __init__(self, url: str, *, prefix: str) -> None:
        """Raises NoRedisPackage, StateUnreachable when the URL is none."""
        try:
            from redis.asyncio import Redis
            from redis.exceptions import RedisError
        except ImportError as error:
            raise NoRedisPackage("state is kept in Redis, and `redis` is not installed") from error
        self._prefix = prefix
        self._failures: tuple[type[Exception], ...] = (RedisError, OSError, TimeoutError)
        try:
            self._redis: Redis = Redis.from_url(
                url,
                socket_connect_timeout=CONNECT_S,
                socket_timeout=ANSWER_S,
                decode_responses=True,
            )
        except ValueError as error:
            raise StateUnreachable(f"`state.url` is no address of a Redis: {error}") from error

    async def start(self) -> None:
        await self._asked(self._redis.ping())

    async def apply(self, stream: str, number: int, writes: Sequence[StateWrite]) -> list[str]:
        return await self._asked(self._apply(stream, number, writes))

    async def entry(self, group: str, key: str) -> Any:
        text = await self._asked(
            cast("Awaitable[str | None]", self._redis.hget(self._of(group), key))
        )
        return MISSING if text is None else _value(text, group, key)

    async def entries(
        self, group: str, *, after: str | None = None, limit: int | None = None
    ) -> list[tuple[str, Any]]:
        found = await self._asked(
            cast("Awaitable[dict[str, str]]", self._redis.hgetall(self._of(group)))
        )
        keys = sorted(key for key in found if after is None or key > after)
        return [(key, _value(found[key], group, key)) for key in keys[:limit]]

    async def groups(self, *, after: str | None = None, limit: int = 100) -> list[tuple[str, int]]:
        return await self._asked(self._groups(after, limit))

    async def close(self) -> None:
        await self._redis.aclose()

    async def _apply(self, stream: str, number: int, writes: Sequence[StateWrite]) -> list[str]:
        from redis.exceptions import WatchError

        applied = f"{self._prefix}:applied:{stream}"
        for _ in range(TRIES):
            async with self._redis.pipeline(transaction=True) as pipe:
                await pipe.watch(applied, *{self._of(write.group) for write in writes})
                if int(await pipe.get(applied) or 0) >= number:
                    return []
                values = await self._values(pipe, writes)
                settled = settle(writes, read=partial(_of_place, values))
                pipe.multi()
                self._queue(pipe, settled)
                pipe.set(applied, number, ex=APPLIED_KEPT_S)
                try:
                    await pipe.execute()
                except WatchError:
                    continue
                return settled.refused
        raise StateUnreachable(
            f"others changed the state faster than it could be written, {TRIES} times", hint=""
        )

    async def _values(
        self, pipe: Pipeline, writes: Sequence[StateWrite]
    ) -> dict[tuple[str, str], Any]:
        """What the updates among these are to be applied to."""
        places = {
            (one.group, one.key) for one in writes if one.op not in ("set", "delete", "clear")
        }
        found: dict[tuple[str, str], Any] = {}
        for group, key in places:
            text = await cast("Awaitable[str | None]", pipe.hget(self._of(group), key))
            if text is not None:
                found[group, key] = _value(text, group, key)
        return found

    def _queue(self, pipe: Pipeline, settled: Settled) -> None:
        for group in settled.cleared:
            pipe.delete(self._of(group))
        for (group, key), value in settled.values.items():
            if value is MISSING:
                pipe.hdel(self._of(group), key)
            else:
                pipe.hset(self._of(group), key, msgspec.json.encode(value).decode())

    async def _groups(self, after: str | None, limit: int) -> list[tuple[str, int]]:
        names: set[str] = set()
        lead = self._of("")
        async for key in self._redis.scan_iter(match=f"{_as_pattern(lead)}*", count=1_000):
            names.add(key.removeprefix(lead))
        found: list[tuple[str, int]] = []
        for group in sorted(one for one in names if after is None or one > after)[:limit]:
            found.append((group, await cast("Awaitable[int]", self._redis.hlen(self._of(group)))))
        return found

    def _of(self, group: str) -> str:
        return f"{self._prefix}:state:{group}"

    async def _asked(self, question: Awaitable[T]) -> T:
        try:
            return await question
        except self._failures as error:
            raise StateUnreachable(f"Redis does not answer: {error}") from error


def _of_place(values: dict[tuple[str, str], Any], group: str, key: str) -> Any:
    return values.get((group, key), MISSING)


def _as_pattern(text: str) -> str:
    return "".join(f"\\{one}" if one in "*?[]\\" else one for one in text)


def _value(text: str, group: str, key: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.MsgspecError as error:
        raise StateUnreadable(f"state `{group}`/`{key}` in Redis is no JSON: {error}") from error
