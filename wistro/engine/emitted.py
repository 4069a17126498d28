"""One emit that was checked, until it leaves with its attempt's commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wistro.engine.loaded import StepPlan, TopicPlan
    from wistro.protocol.frames import Emit


@dataclass(slots=True)
class Emitted:
    plan: TopicPlan
    message: bytes
    delay_us: int = 0
    at_us: int | None = None
    key: str | None = None  # of its lane, whatever the message says
    id: str | None = None
    is_known: bool = False  # its id is: it is not delivered again
    has_left: bool = False  # before its attempt committed, and whatever becomes of that
    large: bytes | None = None  # what the store keeps in the message's place: see payloads.py

    @property
    def id_key(self) -> str:
        """As the store knows its id: a topic's name holds no space."""
        return f"{self.plan.topic} {self.id}"

    @property
    def stored(self) -> bytes:
        return self.message if self.large is None else self.large

    @classmethod
    def of(cls, frame: Emit, plan: TopicPlan, message: bytes) -> Emitted:
        if frame.delay_s is None and frame.at_us is None and frame.key is None and frame.id is None:
            return cls(plan, message)
        delay_us = int((frame.delay_s or 0.0) * 1e6)
        return cls(plan, message, delay_us, frame.at_us, frame.key, frame.id)

    def due_at_us(self, step: StepPlan, *, now_us: int) -> int:
        """The later of what the emit and what the step that hears it say; never in the past."""
        due_at_us = now_us + max(self.delay_us, step.delay_us)
        return due_at_us if self.at_us is None else max(due_at_us, self.at_us)
