"""What a command is told when the store takes nothing: why, and that it may come again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from wistro.control.client import Refused, Running
from wistro.control.serve import serving
from wistro.store.port import StoreAway, StoreBroken, StoreFull


class Failing:
    """Answers that ask a store which does not do it."""

    def __init__(self, reason: Exception) -> None:
        self._reason = reason

    async def answer(self, *_: Any) -> Any:
        raise self._reason


@pytest.mark.parametrize(
    "reason", [StoreAway("it is silent"), StoreFull("it is silent"), StoreBroken("it is silent")]
)
async def test_a_store_that_takes_nothing_is_said_in_one_line(
    tmp_path: Path, reason: Exception
) -> None:
    async with serving(tmp_path, Failing(reason)):  # type: ignore[arg-type]
        running = Running.find(tmp_path)
        assert running is not None
        with pytest.raises(Refused, match="it is silent") as refused:
            await asyncio.to_thread(running.get, "runs", dict)

    assert (refused.value.code, refused.value.http_status) == ("control.store", 503)
