"""A call in a host and what it asks the engine meanwhile."""

from __future__ import annotations

import asyncio
import gc
from typing import Any, cast

import msgspec

from wistro.hosts.flights import Flights
from wistro.hosts.port import Asks, HostCall
from wistro.protocol.frames import Context, FromEngine, Get

CONTEXT = Context("run_1", "0" * 32, now_us=0, attempt=1, deadline_us=0, idempotency_key="")


class Slow:
    async def get(self, frame: Get) -> Any:
        await asyncio.sleep(0)
        return frame.key


async def test_what_a_call_has_asked_and_been_told_takes_no_memory_any_more() -> None:
    sent: list[FromEngine] = []
    flights = Flights(send=sent.append, on_freed=lambda: None, on_overdue=lambda: None, grace_s=1)
    call = HostCall("s", "api", msgspec.Raw(b"null"), CONTEXT, 60.0)
    until = asyncio.get_running_loop().time() + 60
    outcome = flights.call(call, cast(Asks, Slow()), deadline_at=until)

    for ask in range(200):
        flights.get(Get(1, ask, "g", str(ask)))
    asked = [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]
    await asyncio.wait(asked, timeout=10)
    asked.clear()

    assert len(sent) == 201
    gc.collect()
    assert sum(isinstance(one, asyncio.Task) for one in gc.get_objects()) < 10
    flights.lose(exit="", stderr="", is_stopping=True)
    await outcome
