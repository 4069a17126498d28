"""The three answers to: does every message of this emitter fit that subscriber?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fits:
    """Every instance of the emitter's schema fits the subscriber's."""


@dataclass(frozen=True)
class DoesNotFit:
    """`instance` fits the emitter's schema and not the subscriber's. `path` is a JSON pointer, `*` an array's items."""

    path: str
    why: str
    instance: Any = None

    @property
    def example(self) -> str:
        text = json.dumps(self.instance, ensure_ascii=False)
        return text if len(text) <= 200 else ""


@dataclass(frozen=True)
class CannotDecide:
    """It depends on `keyword` at `path`, which is not compared; the message is checked when running."""

    path: str
    keyword: str


Verdict = Fits | DoesNotFit | CannotDecide
