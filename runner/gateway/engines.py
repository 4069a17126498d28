"""The ways to this machine's engines: one a pool, and a hold for an engine that is away for a moment.

A call that could not be sent waits up to `hold_s` for the engine to come back. One prober an engine
looks; the calls wait for its word. Never another version, and never sent twice.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from runner.paths import engine_socket
from wistro.http.client import Answer, Client, Unreachable
from wistro.http.message import Headers, Request

log = logging.getLogger("runner.gateway")
CONNECT_S = 0.5
PROBE_S = 0.025


class Engine:
    """One environment's engine."""

    def __init__(self, path: Path, *, hold_s: float, answer_s: float) -> None:
        self._client = Client(path)
        self._hold_s = hold_s
        self._answer_s = answer_s
        self._prober: asyncio.Task[None] | None = None

    async def ask(self, request: Request, headers: Headers) -> Answer:
        """The engine's answer. Raises Unreachable when it stayed away, Lost when it broke off."""
        until = asyncio.get_running_loop().time() + self._hold_s
        while True:
            try:
                return await self._client.request(
                    request.method,
                    request.target,
                    headers,
                    request.body,
                    connect_s=CONNECT_S,
                    answer_s=self._answer_s,
                    file=request.file,
                    size=request.size,
                )
            except Unreachable:
                left_s = until - asyncio.get_running_loop().time()
                if left_s <= 0:
                    raise
                await self._wait_for_it(left_s)

    def close(self) -> None:
        if self._prober:
            self._prober.cancel()
        self._client.close()

    async def _wait_for_it(self, left_s: float) -> None:
        if self._prober is None or self._prober.done():
            self._prober = asyncio.create_task(self._probe())
        await asyncio.wait({self._prober}, timeout=left_s)

    async def _probe(self) -> None:
        """Look until it is back, for a hold's length; whoever waits longer starts the next."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._hold_s
        while loop.time() < until:
            await asyncio.sleep(PROBE_S)
            try:
                await self._client.warm(connect_s=CONNECT_S)
            except Unreachable:
                continue
            return


class Engines:
    def __init__(self, run: Path, *, hold_s: float = 2.0, answer_s: float = 900.0) -> None:
        self._run = run
        self._hold_s = hold_s
        self._answer_s = answer_s  # a step's own timeout is answered by its engine long before
        self._engines: dict[str, Engine] = {}

    def of(self, environment_id: str) -> Engine:
        if environment_id not in self._engines:
            self._engines[environment_id] = Engine(
                engine_socket(self._run, environment_id),
                hold_s=self._hold_s,
                answer_s=self._answer_s,
            )
        return self._engines[environment_id]

    def keep_only(self, environment_ids: set[str]) -> None:
        """Forget the ways to environments that are no longer served here."""
        for environment_id in set(self._engines) - environment_ids:
            self._engines.pop(environment_id).close()

    def close(self) -> None:
        self.keep_only(set())
