"""The same engine over a store that breaks one promise: `python -m tests.faults.sabotaged_process FOLDER PORT NAME`.

The harness must notice each. Nothing in `wistro` knows of this: the store is replaced in this process, at its seam.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import uvloop

from tests.faults.engine_process import serve
from wistro import wiring
from wistro.store.port import StoredAnswer, Unit
from wistro.store.sqlite import SqliteStore

LATER_S = 0.15


class AcknowledgesFirst(SqliteStore):
    """Says that a unit is on disk when it is handed over, and commits it a little later."""

    def submit(self, unit: Unit, *, then: Callable[[], None] | None = None) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        said: asyncio.Future[None] = loop.create_future()
        said.set_result(None)
        loop.call_later(
            LATER_S, lambda: _unwatched(super(AcknowledgesFirst, self).submit(unit, then=then))
        )
        return said


class CommitsInTwo(SqliteStore):
    """Lets an attempt's state writes leave first, and its end a little later: a crash between counts them twice."""

    def submit(self, unit: Unit, *, then: Callable[[], None] | None = None) -> asyncio.Future[None]:
        if not unit.finished:
            return super().submit(unit, then=then)
        _unwatched(super().submit(Unit(writes=unit.writes)))
        unit.writes = []
        return asyncio.ensure_future(self._finish(unit, then))

    async def _finish(self, unit: Unit, then: Callable[[], None] | None) -> None:
        await asyncio.sleep(LATER_S)
        await super().submit(unit, then=then)


class ForgetsAnswers(SqliteStore):
    """Keeps no answer: a call that is sent again under its key runs again."""

    async def answer(self, key: str, *, now_us: int) -> StoredAnswer | None:
        return None


class Unfenced(SqliteStore):
    """Commits also when another engine has taken the store over."""

    def _begin(self) -> None:
        (self._boot,) = self._db.execute("SELECT value FROM meta WHERE name = 'boot'").fetchone()
        super()._begin()


SABOTAGES = {
    one.__name__: one for one in (AcknowledgesFirst, CommitsInTwo, ForgetsAnswers, Unfenced)
}


def _unwatched(future: asyncio.Future[None]) -> None:
    future.add_done_callback(lambda done: done.cancelled() or done.exception())


if __name__ == "__main__":
    root, port, name = sys.argv[1:]
    wiring.SqliteStore = SABOTAGES[name]
    uvloop.run(serve(Path(root), int(port)))
