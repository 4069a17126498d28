"""What every part of one engine shares."""

from __future__ import annotations

import random
from dataclasses import dataclass

from wistro.engine.clock import Clock, Ids
from wistro.engine.intake import Intake
from wistro.engine.limits import Limits
from wistro.engine.payloads import Payloads
from wistro.engine.recording import Recording
from wistro.store.port import Store


@dataclass(frozen=True, slots=True)
class Parts:
    store: Store
    clock: Clock
    ids: Ids
    chance: random.Random
    limits: Limits
    recording: Recording
    payloads: Payloads
    intake: Intake
