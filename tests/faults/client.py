"""Callers outside the system: each call has an Idempotency-Key and is sent again, under it, until it is answered.

Some give up at the first lost connection, as real ones do: their calls may count or not, but never by halves. Some ask
again after the answer and must get the same one.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import sys
import time
from dataclasses import dataclass, field

import httptools

from tests.faults.ledger import Ledger

GIVING_UP = 0.05
ASKING_AGAIN = 0.05
ANSWER_WITHIN_S = 15.0
AGAIN_AFTER_S = 0.1
PATIENCE_S = 60.0
TRY_AGAIN = (429, 502, 503, 504)
# A source address of our own: a loopback connect to a port that nobody holds may otherwise meet itself.
SOURCE = ("127.0.0.2", 0) if sys.platform.startswith("linux") else None


@dataclass
class Target:
    """Where calls go: `host` is the Host header, which names the environment at a gateway. `port` may change."""

    port: int
    path: str = "/calls"
    host: str = "faults"
    address: str = "127.0.0.1"
    headers: dict[str, str] = field(default_factory=dict)
    answer_within_s: float = ANSWER_WITHIN_S


@dataclass
class Answer:
    status: int
    body: bytes
    retry_after_s: float


class Connection(asyncio.Protocol):
    """One keep-alive connection with one request at a time; opened again when it is lost."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._transport: asyncio.Transport | None = None
        self._answered: asyncio.Future[Answer] | None = None

    async def post(self, key: str, body: bytes) -> Answer:
        """Raises OSError when it cannot be sent or its answer is lost, TimeoutError when none comes."""
        if self._transport is None or self._transport.is_closing():
            loop = asyncio.get_running_loop()
            where = (self._target.address, self._target.port)
            await loop.create_connection(lambda: self, *where, local_addr=SOURCE)
        assert self._transport is not None
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(self._request(key, body))
        try:
            return await asyncio.wait_for(self._answered, self._target.answer_within_s)
        except TimeoutError:
            self._transport.abort()
            raise

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _request(self, key: str, body: bytes) -> bytes:
        headers = {
            "host": self._target.host,
            "content-type": "application/json",
            "idempotency-key": key,
            "content-length": str(len(body)),
            **self._target.headers,
        }
        lines = [
            f"POST {self._target.path} HTTP/1.1",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body

    # asyncio.Protocol, and httptools' callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._parser = httptools.HttpResponseParser(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(ConnectionResetError("the answer was lost"))

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._body, self._retry_after_s = b"", AGAIN_AFTER_S

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"retry-after":
            self._retry_after_s = float(value)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if not self._parser.should_keep_alive() and self._transport is not None:
            self._transport.close()
        if self._answered is not None and not self._answered.done():
            status = self._parser.get_status_code()
            self._answered.set_result(Answer(status, self._body, self._retry_after_s))


class Client:
    """`workers` callers at once; `rate` calls a second in all, or as fast as they are answered when it is None."""

    def __init__(
        self,
        target: Target,
        ledger: Ledger,
        *,
        chance: random.Random,
        name: str = "call",
        workers: int = 32,
        rate: float | None = None,
    ) -> None:
        self._target = target
        self._ledger = ledger
        self._chance = chance
        self._keys = (f"{name}-{number:06d}" for number in itertools.count(1))
        self._rate = rate
        self._is_stopping = False
        self._turns: asyncio.Queue[None] = asyncio.Queue(workers)
        self._acknowledged = asyncio.Event()  # set at each one, and then replaced
        self._sent_at = 0.0  # when the latest of those that were acknowledged was sent
        self._tasks: list[asyncio.Task[None]] = []
        self._workers = workers
        self.in_flight = 0  # sent and not answered
        self._is_busy = asyncio.Event()  # some are
        self.acknowledged = 0
        self.unanswered: list[str] = []  # keys that nobody answered in PATIENCE_S

    async def __aenter__(self) -> Client:
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._work()) for _ in range(self._workers)]
        if self._rate is not None:
            self._tasks.append(loop.create_task(self._pace(self._rate)))
        return self

    async def __aexit__(self, failed: type[BaseException] | None, *_: object) -> None:
        """No new calls; those under way are sent until they are answered, unless all has failed already."""
        self._is_stopping = True
        if failed is not None:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            return
        while not self._turns.full():
            self._turns.put_nowait(None)
        await asyncio.gather(*self._tasks)

    async def busy(self) -> None:
        """Returns when calls are in flight: a fault that meets none shows little."""
        await self._is_busy.wait()

    async def acknowledgement(self, *, after: float = 0.0) -> None:
        """Returns at the next acknowledgement of a call that was sent after this instant (time.monotonic)."""
        await self._acknowledged.wait()
        while self._sent_at < after:
            await self._acknowledged.wait()

    async def _pace(self, rate: float) -> None:
        """Poisson arrivals; one that finds all callers busy is not made."""
        at = time.monotonic()
        while not self._is_stopping:
            at = max(at, time.monotonic() - 0.1) + self._chance.expovariate(rate)
            await asyncio.sleep(at - time.monotonic())
            with contextlib.suppress(asyncio.QueueFull):
                self._turns.put_nowait(None)

    async def _work(self) -> None:
        with contextlib.closing(Connection(self._target)) as connection:
            while not self._is_stopping:
                if self._rate is not None:
                    await self._turns.get()
                if not self._is_stopping:
                    await self._call(connection, next(self._keys))

    async def _call(self, connection: Connection, key: str) -> None:
        await self._ledger.attempted(key)
        gives_up = self._chance.random() < GIVING_UP
        if not await self._ask(connection, key, gives_up=gives_up):
            return
        if self._chance.random() < ASKING_AGAIN:
            await self._ask(connection, key, gives_up=gives_up)

    async def _ask(self, connection: Connection, key: str, *, gives_up: bool) -> bool:
        """Send it until it is acknowledged; False when it was not."""
        until = time.monotonic() + PATIENCE_S
        body = json.dumps({"key": key}).encode()
        while time.monotonic() < until:
            wait_s, sent_at = AGAIN_AFTER_S, time.monotonic()
            self.in_flight += 1
            self._is_busy.set()
            try:
                answer = await connection.post(key, body)
            except (OSError, TimeoutError):
                if gives_up:
                    return False
            else:
                if 200 <= answer.status < 300:
                    await self._acknowledge(key, answer, sent_at=sent_at)
                    return True
                if answer.status not in TRY_AGAIN:
                    await self._ledger.refused(key, status=answer.status)
                    return False
                wait_s = answer.retry_after_s
            finally:
                self.in_flight -= 1
                if not self.in_flight:
                    self._is_busy.clear()
            await asyncio.sleep(wait_s * self._chance.uniform(0.5, 1.0))
        self.unanswered.append(key)
        return False

    async def _acknowledge(self, key: str, answer: Answer, *, sent_at: float) -> None:
        await self._ledger.acknowledged(key, run_id=json.loads(answer.body)["id"])
        self.acknowledged += 1
        self._sent_at = max(self._sent_at, sent_at)
        self._acknowledged.set()
        self._acknowledged = asyncio.Event()
