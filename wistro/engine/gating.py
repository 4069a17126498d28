"""By what a step's messages wait: its lanes, slots and meters, and which of them a message is for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec

from wistro.lock.model import StepConfig
from wistro.protocol.times import duration_s
from wistro.store.port import Gate, Rate

LONGEST_KEY = 200
WHOLE_STEP = ""


@dataclass(frozen=True, slots=True)
class Gating:
    """`slots` at once, `rate` in a time; each `…_path` is where in a message its key is, None: the step as a whole."""

    slots: int | None
    slots_path: str | None
    rate: Rate | None
    rate_path: str | None
    has_lanes: bool
    lane_path: str | None  # None: only emits that name a key have a lane
    blocks: bool  # a dead letter holds its lane up

    @classmethod
    def of(cls, config: StepConfig) -> Gating | None:
        concurrency, fifo, rate = config.concurrency, config.fifo, config.rate_limit
        if concurrency is None and fifo is None and rate is None:
            return None
        return cls(
            slots=concurrency.limit if concurrency else None,
            slots_path=concurrency.key if concurrency else None,
            rate=Rate(rate.limit, int(duration_s(rate.per) * 1e6)) if rate else None,
            rate_path=rate.key if rate else None,
            has_lanes=fifo is not None,
            lane_path=fifo.key if fifo else None,
            blocks=fifo is not None and fifo.on_dead == "block",
        )

    @property
    def whole(self) -> Gate:
        """Of a message that has no key."""
        slot = WHOLE_STEP if self.slots is not None and self.slots_path is None else None
        meter = WHOLE_STEP if self.rate is not None and self.rate_path is None else None
        return Gate(None, slot, meter)

    def gate(self, message: bytes, *, key: str | None, is_later: bool = False) -> Gate | None:
        """None when nothing limits this message. `key` is what the emit said."""
        has_path = self.slots_path or self.rate_path or (self.lane_path and key is None)
        value = msgspec.json.decode(message) if has_path else None
        lane = None
        if self.has_lanes:
            lane = key_text(key) if key is not None else _key_at(value, self.lane_path)
        slot = meter = None
        if self.slots is not None:
            slot = WHOLE_STEP if self.slots_path is None else _key_at(value, self.slots_path)
        if self.rate is not None:
            meter = WHOLE_STEP if self.rate_path is None else _key_at(value, self.rate_path)
        if lane is None and slot is None and meter is None:
            return None
        return Gate(lane, slot, meter, is_later)


def _key_at(value: Any, path: str | None) -> str | None:
    """The text, number or truth at a dotted path; None when there is none: then the message waits for nobody."""
    if path is None:
        return None
    for part in path.split("."):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    if isinstance(value, str):
        return key_text(value) if value else None
    if isinstance(value, bool | int | float):
        return msgspec.json.encode(value).decode()
    return None


def key_text(key: str) -> str:
    """As stored: a long one by its digest."""
    return key if len(key) <= LONGEST_KEY else "sha256:" + hashlib.sha256(key.encode()).hexdigest()
