"""What `wistro dev` and `wistro start` tell of themselves on the control socket."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from wistro import __version__
from wistro.control.answers import Answers
from wistro.control.asked import Project
from wistro.control.reading import problem_view
from wistro.control.serve import serving
from wistro.dev.screens import Showing
from wistro.protocol.operating import EngineView
from wistro.protocol.times import rfc3339
from wistro.wiring import LocalEnvironment


@dataclass(frozen=True)
class Shown:
    """Where a running project is found. `command` is dev or start."""

    command: str
    endpoints: str
    screens: str | None


def controlled(
    root: Path,
    environment: LocalEnvironment,
    shown: Shown,
    showing: Showing,
    *,
    reload: Callable[[], None] | None = None,
) -> AbstractAsyncContextManager[None]:
    """Answer commands meanwhile."""
    engine, started_at = environment.engine, rfc3339(time.time_ns() // 1_000)

    def view() -> EngineView:
        lock, status = showing.lock(), engine.status()
        return EngineView(
            pid=os.getpid(),
            command=shown.command,
            wistro=__version__,
            started_at=started_at,
            endpoints=shown.endpoints,
            screens=shown.screens,
            lock=lock.digest if lock else None,
            steps=len(lock.steps) if lock else 0,
            live_runs=sum(one.live_runs for one in status),
            backlog=sum(one.backlog for one in status),
            in_flight=sum(one.in_flight for one in status),
            problems=[problem_view(one) for one in showing.problems()],
        )

    project = Project(environment.reads, engine.store, showing.lock, engine, view, reload)
    return serving(root, Answers(project))
