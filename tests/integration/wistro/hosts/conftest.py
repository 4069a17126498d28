"""Pools over a small project, and calls to its steps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from wistro.hosts.plain import PlainLauncher
from wistro.hosts.pool import HostPool, Project, Sizes
from wistro.hosts.port import HostCall, Launch, Launched, Outcome
from wistro.hosts.process import HostProcess
from wistro.protocol.frames import Context, Emit, Get, List, Log, Refusal, StepCode, Write

LIMIT_S = 20
STEPS = {
    "pid": """
        async def handler(_, ctx):
            ctx.logger.info(str(os.getpid()))
    """,
    "wait": """
        async def handler(seconds, ctx):
            ctx.logger.info(str(os.getpid()))
            await asyncio.sleep(seconds)
    """,
    "block": """
        async def handler(seconds, ctx):
            ctx.logger.info(str(os.getpid()))
            time.sleep(seconds)
    """,
    "stubborn": """
        def handler(seconds, ctx):
            ctx.logger.info(str(os.getpid()))
            time.sleep(seconds)
    """,
    "grow": """
        kept = []
        async def handler(bytes, ctx):
            ctx.logger.info(str(os.getpid()))
            kept.append(b"x" * bytes)
    """,
    "leave_child": """
        def handler(_, ctx):
            child = subprocess.Popen(["/bin/sleep", "600"])
            ctx.logger.info(str(child.pid))
            os._exit(1)
    """,
    "leave_session": """
        def handler(_, ctx):
            child = subprocess.Popen(["/bin/sleep", "600"], start_new_session=True)
            ctx.logger.info(str(child.pid))
            os._exit(1)
    """,
}


class CountingLauncher(PlainLauncher):
    def __init__(self) -> None:
        super().__init__()
        self.launches = 0

    def launch(self, launch: Launch) -> Launched:
        self.launches += 1
        return super().launch(launch)


@dataclass
class Attempt:
    """A call under way; each step says its process's id first."""

    task: asyncio.Task[Outcome]
    lines: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    async def pid(self) -> int:
        return int(await asyncio.wait_for(self.lines.get(), LIMIT_S))

    async def outcome(self) -> Outcome:
        return await asyncio.wait_for(self.task, LIMIT_S)

    async def cancel(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])

    def emit(self, frame: Emit) -> Refusal | None:
        raise AssertionError(frame)

    def get(self, frame: Get) -> Any:
        raise AssertionError(frame)

    def list(self, frame: List) -> Any:
        raise AssertionError(frame)

    def write(self, frame: Write) -> None:
        raise AssertionError(frame)

    def unasked(self, frame: Any) -> Any:
        raise AssertionError(frame)

    blob_put = blob_get = answer = chunk = unasked

    def log(self, frame: Log) -> None:
        self.lines.put_nowait(frame.message)


class Place:
    """`pool` is made by `open`; `call` begins a call in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.launcher = CountingLauncher()
        self.pools: list[HostPool] = []
        self.lines: list[Log] = []  # of no call

    def open(self, *, language: str = "python", **given: Any) -> HostPool:
        sizes = Sizes(**{"hosts": 2, "cancel_grace_s": 0.1, **given.pop("sizes", {})})
        languages = {"languages": given.pop("languages")} if "languages" in given else {}
        steps = {name: StepCode(f"src/{name}.step.py") for name in STEPS}
        project = Project(self.root, {language: steps}, **given)
        self.pools.append(
            HostPool(
                project, launcher=self.launcher, on_line=self.lines.append, sizes=sizes, **languages
            )
        )
        return self.pools[-1]

    def call(
        self, step: str, given: Any = None, *, deadline_s: float = 60.0, alone: bool = False
    ) -> Attempt:
        call = HostCall(
            step, "event", given, Context("run_0", "0", 0, 1, 0, "0"), deadline_s, alone
        )
        attempt = Attempt.__new__(Attempt)
        attempt.__init__(asyncio.ensure_future(self.pools[-1].call(call, attempt)))
        return attempt


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    (tmp_path / "src").mkdir()
    for name, source in STEPS.items():
        lines = source.replace("\n        ", "\n")
        imports = "import asyncio, os, subprocess, time\n"
        (tmp_path / "src" / f"{name}.step.py").write_text(imports + lines)
    place = Place(tmp_path)
    yield place
    for pool in place.pools:
        await pool.close(grace_s=0.2)
        assert pool.hosts == []


@pytest.fixture
def gone() -> Callable[[HostProcess], Any]:
    return lambda host: asyncio.wait_for(asyncio.shield(host.ended), LIMIT_S)
