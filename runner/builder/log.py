"""A build's live log: numbered lines, sent a few times a second, and the answer whether to go on.

Each sending also renews the build's lease, so it happens when there is nothing to say too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from runner.hub import Hub, HubGone, HubRefused
from wistro.protocol.machine import BuildControl, BuildLine, BuildOrder, BuildProgress

log = logging.getLogger("runner.builder")
_GATHER_S = 0.2
_QUIET_PART = 1 / 4  # of the lease, after which progress is said again
_MOST_LINES = 20_000
_LINES_AT_ONCE = 500


class Cancelled(Exception):
    """Somebody stopped this build."""


class LeaseLost(Exception):
    """The Hub gave this build to another attempt; ours says no more."""


class BuildLog:
    """`secrets` never leave this process: each is replaced in every line."""

    def __init__(
        self, order: BuildOrder, hub: Hub, *, now_us: Callable[[], int], secrets: list[str]
    ) -> None:
        self._order = order
        self._hub = hub
        self._now_us = now_us
        self._secrets = [secret for secret in secrets if secret]
        self._waiting: list[BuildLine] = []
        self._seq = 0
        self._news = asyncio.Event()
        self._is_urgent = False
        self.stage = "fetching"

    def enter(self, stage: str) -> None:
        """A new stage is said at once; lines gather for a moment."""
        self.stage = stage
        self._is_urgent = True
        self._news.set()

    def say(self, text: str) -> None:
        if self._seq >= _MOST_LINES:
            return
        if self._seq == _MOST_LINES - 1:
            text = "… the log is cut here"
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        self._seq += 1
        self._waiting.append(BuildLine(self._seq, self._now_us(), self.stage, text))
        self._news.set()

    def rest(self) -> list[BuildLine]:
        """What was not sent yet, for the result."""
        rest, self._waiting = self._waiting, []
        return rest

    async def send_for_ever(self) -> None:
        """Raises Cancelled or LeaseLost; a Hub that is away is asked again while the lease may still hold."""
        quiet_s = max(0.2, self._order.lease_s * _QUIET_PART)
        while True:
            try:
                async with asyncio.timeout(quiet_s):
                    await self._news.wait()
                if not self._is_urgent:
                    await asyncio.sleep(_GATHER_S)
            except TimeoutError:
                pass
            self._news.clear()
            self._is_urgent = False
            await self._send()

    async def _send(self) -> None:
        lines = self._waiting[:_LINES_AT_ONCE]
        progress = BuildProgress(self._order.attempt, self.stage, lines)
        path = f"/builds/{self._order.build_id}/progress"
        try:
            control = await self._hub.send(path, progress, answer=BuildControl)
        except HubGone as gone:
            log.warning("build %s: %s", self._order.build_id, gone)
            return
        except HubRefused as refused:
            raise LeaseLost(str(refused)) from refused
        del self._waiting[: len(lines)]
        if self._waiting:
            self._news.set()
        if control is not None and control.cancelled:
            raise Cancelled
