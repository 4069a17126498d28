"""Pushes under the same load: a commit on the double of GitHub, told by its signed webhook until the Hub answers 2xx.

Some webhooks are never told again when they fail, as GitHub's are; some are told once more after the answer.
"""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

from tests.doubles.github import GitHub
from tests.doubles.github.client import Sent
from tests.faults.ledger import Ledger

BRANCH = (
    "work"  # no environment has this name: a push is a version and a build, and is not deployed
)
EVERY_S = 1.0
GIVING_UP = 0.1
TELLING_AGAIN = 0.1
PATIENCE_S = 60.0
AGAIN_AFTER_S = 0.3


class Pusher:
    """`async with` it: pushes at random moments, each a commit over `base`, written down under its id in `log`."""

    def __init__(
        self, github: GitHub, repository: str, *, base: str, log: Path, chance: random.Random
    ) -> None:
        self._github = github
        self._repository = repository
        self._base = base
        self._log = log
        self._chance = chance
        self._stopping = asyncio.Event()
        self.unanswered: list[str] = []

    async def __aenter__(self) -> Pusher:
        self._github.hold()
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, failed: type[BaseException] | None, *_: object) -> None:
        self._stopping.set()
        if failed is not None:
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=failed is not None)

    async def _run(self) -> None:
        async with Ledger(self._log) as ledger:
            number = 0
            while not self._stopping.is_set():
                number += 1
                await self._push(ledger, number)
                try:
                    async with asyncio.timeout(self._chance.expovariate(1 / EVERY_S)):
                        await self._stopping.wait()
                except TimeoutError:
                    continue

    async def _push(self, ledger: Ledger, number: int) -> None:
        files = {"number.txt": f"{number}\n"}
        sha = await asyncio.to_thread(
            self._github.push, self._repository, files, f"Push {number}", BRANCH, onto=self._base
        )
        await ledger.attempted(sha)
        [told] = [one for one in await self._sent() if sha in one.body]
        gives_up, until = self._chance.random() < GIVING_UP, time.monotonic() + PATIENCE_S
        while not await self._tell(told):
            if gives_up:
                return
            if time.monotonic() > until:
                self.unanswered.append(sha)
                return
            await asyncio.sleep(AGAIN_AFTER_S)
        await ledger.acknowledged(sha, run_id=sha)
        if self._chance.random() < TELLING_AGAIN:
            await self._tell(told)

    async def _tell(self, told: Sent) -> bool:
        """Send the webhook once; whether it was answered 2xx."""
        await asyncio.to_thread(self._github.deliver, told.id)
        await asyncio.to_thread(self._github.wait)
        [now] = [one for one in await self._sent() if one.id == told.id]
        return now.fate == "sent"

    async def _sent(self) -> list[Sent]:
        return await asyncio.to_thread(self._github.sent, "push")
