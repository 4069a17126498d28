"""Runs of real projects on the local engine, kept as sample files."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from tests.factories.engine import a_call
from wistro.compiler import compile_project
from wistro.engine.engine import Engine
from wistro.languages.building import build
from wistro.protocol.ids import read as read_id
from wistro.protocol.ids import show
from wistro.protocol.samples import Sample
from wistro.replay.recorded import sample_of_run
from wistro.store.tasks import TaskFilter
from wistro.variables import values_for
from wistro.wiring import LOCAL, local_engine


async def recorded(
    root: Path,
    path: str = "/orders/berlin",
    body: Any = None,
    *,
    state: dict[tuple[str, str], Any] | None = None,
    tick: str | None = None,
    emit: tuple[str, Any] | None = None,
    answers: Sequence[tuple[str, Any]] = (),
    **call: Any,
) -> Sample:
    """Run one call, or one tick of the schedule, to its end; what the records have of it as a sample."""
    compiled = compile_project(root)
    assert compiled.lock is not None, compiled.problems
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    environment = local_engine(root, on_kept=lambda _: loop.call_soon_threadsafe(told.set) and None)
    await environment.start()
    try:
        values = values_for(compiled.lock, root, os.environ).found
        built = build(root, compiled.lock)
        await environment.use(compiled.lock, variables=values, built=built)
        if state:
            await seed(environment, state)
        if tick is not None:
            environment.set_primary(LOCAL)
            await environment.engine.tick(tick, scheduled_at_us=1_800_000_000_000_000)
        elif emit is not None:
            await environment.engine.emit(*emit)
        else:
            await environment.engine.call(a_call(path, body, **call))
        for answer in answers:
            await answered(environment.engine, told, *answer)
        await environment.engine.quiet(LOCAL)
    finally:
        await environment.close()
    run = newest_run(root)
    return sample_of_run(root, run, compiled.lock)


async def answered(engine: Engine, told: asyncio.Event, answer: str, form: Any) -> None:
    """The next task that opens, answered; `told` is set whenever something was recorded."""
    async with asyncio.timeout(30):
        while not (tasks := await engine.tasks(TaskFilter())):
            told.clear()
            await told.wait()
    await engine.answer_task(str(read_id("task", tasks[0].id)), answer, form, by="Ada")


async def seed(environment: Any, state: dict[tuple[str, str], Any]) -> None:
    from wistro.store.port import StateWrite, Unit

    writes = [StateWrite("set", *place, value) for place, value in state.items()]
    await environment.engine.store.submit(Unit(writes=writes))


def newest_run(root: Path) -> str:
    import contextlib

    from wistro.records.index import RecordsIndex, connect

    with contextlib.closing(RecordsIndex(root / ".wistro")) as index:
        index.catch_up()
    with contextlib.closing(connect(index.path, read_only=True)) as db:
        (run_id,) = db.execute("SELECT max(run_id) FROM runs").fetchone()
    return show("run", run_id)


def pulled(root: Path, sample: Sample, dataset: str = "orders", name: str = "tea") -> Path:
    """As `wistro datasets pull` writes it."""
    sample.dataset, sample.name = dataset, name
    path = root / ".wistro" / "datasets" / dataset / f"{sample.sample}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(sample))
    return path
