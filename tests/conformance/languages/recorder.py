"""An engine for one attempt, in memory: holds emits and writes, reads its own writes, refuses the topic and the group `refused`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from wistro.protocol.frames import Emit, Get, List, Log, Refusal, Write

OPTIONS = ("delay_s", "at_us", "key", "id", "now")
COMMITTED = {("committed", "b"): {"x": [2]}, ("committed", "a"): 1}


class Recorder:
    def __init__(self) -> None:
        self.emits: list[tuple[str, Any]] = []
        self.options: list[dict[str, Any]] = []  # what an emit said besides its topic and data
        self.writes: list[tuple[Any, ...]] = []
        self.lines: list[tuple[Any, ...]] = []
        self._state: dict[tuple[str, str], Any] = dict(COMMITTED)

    def emit(self, frame: Emit) -> Refusal | Awaitable[Refusal | None] | None:
        if frame.topic == "refused":
            return Refusal("message.does-not-fit", "`sku` must be a string", path="/sku")
        self.emits.append((frame.topic, frame.data))
        if options := {name: value for name in OPTIONS if (value := getattr(frame, name))}:
            self.options.append(options)
        return self._kept() if frame.now else None

    async def _kept(self) -> None:
        """What leaves at once is answered when it is on disk, and that takes time."""
        await asyncio.sleep(0)

    async def get(self, frame: Get) -> Any:  # a store's answer takes time
        if frame.group == "refused":
            return Refusal("state.too-many-reads", "an attempt reads at most 10,000 values")
        return self._state.get((frame.group, frame.key))

    def list(self, frame: List) -> Any:
        if frame.group == "refused":
            return Refusal("state.too-many-reads", "an attempt reads at most 10,000 values")
        return [
            [key, self._state[group, key]]
            for group, key in sorted(self._state)
            if group == frame.group
        ]

    def write(self, frame: Write) -> None:
        self.writes.append((frame.op, frame.group, frame.key, frame.value))
        if frame.op == "set":
            self._state[frame.group, frame.key] = frame.value
        elif frame.op == "delete":
            self._state.pop((frame.group, frame.key), None)
        elif frame.op == "clear":
            self._state = {at: value for at, value in self._state.items() if at[0] != frame.group}

    def log(self, frame: Log) -> None:
        self.lines.append((frame.level, frame.message, frame.fields, frame.source))
