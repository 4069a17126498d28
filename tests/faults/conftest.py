"""What the fault tests share."""

from __future__ import annotations

import random

import pytest


@pytest.fixture
def seed() -> int:
    """New each time and printed with the measurement; `python -m tests.faults --seed` takes it again."""
    return random.SystemRandom().randrange(2**32)
