"""Blobs go with the last run that names them, and not before."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

from tests.factories.engine import NonRetriable, StepContext, a_call, a_lock, a_step, an_engine
from wistro.blobs.none import NoBlobs
from wistro.engine import retention
from wistro.engine.clock import SystemClock
from wistro.engine.retention import KEPT_US, Retention
from wistro.store.port import Store, StoreAway, StoreBroken


class Later:
    """A clock that says a time after the records' retention."""

    def __init__(self, *, by_us: int = KEPT_US + 1_000_000) -> None:
        self._by_us = by_us

    def now_us(self) -> int:
        return SystemClock().now_us() + self._by_us


def contents(folder: Path) -> int:
    return len(list((folder / "blobs" / "content").glob("*/*")))


async def test_blobs_of_ended_runs_go_after_a_week_those_of_live_and_dead_ones_stay(
    tmp_path: Path,
) -> None:
    release, waiting = asyncio.Event(), asyncio.Event()

    async def take(request: Any, ctx: StepContext) -> Any:
        kind = request.body["kind"]
        ref = await ctx.put_blob(kind.encode())
        await ctx.put_blob(b"shared")
        await ctx.emit_and_wait("made", {"kind": kind, "ref": ref})

    async def hear(message: Any, ctx: StepContext) -> None:
        if message["kind"] == "dead":
            raise NonRetriable("given up")
        if message["kind"] == "live":
            waiting.set()
            await release.wait()

    steps = {
        "take": a_step("api", method="POST", path="/take", emits=["made"]),
        "hear": a_step(subscribes=["made"]),
    }
    running = await an_engine(tmp_path, a_lock(steps), {"take": take, "hear": hear})
    for kind in ("done", "dead", "live"):
        await running.engine.call(a_call("/take", {"kind": kind}))
    await waiting.wait()
    await running.sink.seen("attempt", count=5)
    blobs, store = running.engine.blobs, running.store

    soon = await Retention(blobs, store, SystemClock()).sweep()
    later = await Retention(blobs, store, Later()).sweep()

    assert (soon, later, contents(tmp_path)) == (
        0,
        1,
        3,
    )  # of `dead`, of `live`, and what they share
    assert await Retention(blobs, store, Later()).sweep() == 0
    release.set()
    await running.quiet()
    await running.engine.close()


async def test_what_no_run_ever_named_for_good_goes_too(tmp_path: Path) -> None:
    """Of a call that came to nothing, such as a form whose body then did not fit."""
    running = await an_engine(tmp_path, a_lock({"s": a_step("api", method="POST", path="/s")}), {})
    upload = running.engine.blobs.upload()
    await upload.write(b"x")
    await upload.finish(run_id="a-run-that-never-was")

    assert await Retention(running.engine.blobs, running.store, Later()).sweep() == 1
    assert await running.engine.blobs.runs() == []
    await running.engine.close()


async def test_a_sweep_that_meets_a_store_that_is_away_is_not_the_last(monkeypatch: Any) -> None:
    class Away(NoBlobs):
        looks = 0

        async def runs(self) -> Any:
            self.looks += 1
            if self.looks == 1:
                raise StoreAway("away")
            raise StoreBroken("the end")

    for name in ("FIRST_S", "EVERY_S"):
        monkeypatch.setattr(retention, name, 0.0)
    blobs = Away("none")

    async with asyncio.timeout(10):
        await Retention(blobs, cast(Store, None), SystemClock()).run()

    assert blobs.looks == 2
