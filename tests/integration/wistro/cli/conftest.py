"""A project that `wistro dev` runs, and commands asked in this process: starting an interpreter for each costs 0.3 s."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from infra.ports import free_ports
from tests.integration.wistro.running import ROOT, a_project
from wistro.cli import run
from wistro.control.client import Running
from wistro.protocol.operating import EngineView

LIMIT_S = 30.0
ORDER = {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}}
FILES = {
    "wistro.yml": f"topics: {{order.placed: {{schema: {ORDER!r}}}}}\n",
    "src/place.step.py": """
config = {"type": "api", "name": "Place", "method": "POST", "path": "/orders", "public": True, "flows": ["orders"],
          "emits": ["order.placed", "order.slow", "order.large", "order.later"]}

async def handler(req, ctx):
    await ctx.emit({"topic": req.body["topic"], "data": {"sku": req.body["sku"]}})
    return {"status": 202, "body": {"id": ctx.run_id}}
""",
    "src/pack.step.py": """
config = {"type": "event", "name": "Pack", "flows": ["orders"], "subscribes": ["order.placed"], "emits": [],
          "retries": {"max": 0}}

async def handler(order, ctx):
    if await ctx.state.get("broken", order["sku"]):
        raise ValueError(f"no box for {order['sku']}")
    ctx.logger.info("packed", {"sku": order["sku"]})
    await ctx.state.set("packed", order["sku"], {"by": "hand"})
""",
    "src/approve.step.py": """
NOTE = {"type": "object", "required": ["note"], "properties": {"note": {"type": "string"}}}
config = {"type": "noop", "name": "Manager approves", "flows": ["orders"], "subscribes": ["order.large"],
          "task": {"assignee": "managers", "answers": {
              "approve": {"emits": "order.placed"}, "reject": {"emits": "order.rejected", "form": NOTE}}}}
""",
    "src/rejected.step.py": """
config = {"type": "event", "name": "Rejected", "flows": ["orders"], "subscribes": ["order.rejected"], "emits": []}

async def handler(order, ctx):
    ctx.logger.info("rejected: " + order["note"])
""",
    "src/later.step.py": """
config = {"type": "event", "name": "Later", "flows": ["orders"], "subscribes": ["order.later"], "emits": ["order.placed"]}

async def handler(order, ctx):
    await ctx.emit({"topic": "order.placed", "data": order, "delay": "1h"})
""",
    "src/slow.step.py": """
import asyncio
config = {"type": "event", "name": "Slow", "flows": ["orders"], "subscribes": ["order.slow"], "emits": []}

async def handler(order, ctx):
    ctx.logger.info("slow begun")
    await asyncio.sleep(60)
""",
}


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Shop:
    """A project, what runs it, and the port of its endpoints."""

    folder: Path
    process: subprocess.Popen[bytes]
    port: int
    log: Path


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = a_project(tmp_path_factory.mktemp("shop"), FILES)
    with started(folder, "dev") as found:
        yield found


class started:
    """`wistro dev` or `start` as a process, once it answers commands."""

    def __init__(self, folder: Path, command: str) -> None:
        self._folder, self._command = folder, command

    def __enter__(self) -> Shop:
        port, ui_port = free_ports(2)
        log = self._folder / f"{self._command}.log"
        options = ["--port", str(port)]
        options += ["--ui-port", str(ui_port)] if self._command == "dev" else []
        argv = [sys.executable, "-m", "wistro.cli", self._command, *options]
        own = {name: value for name, value in os.environ.items() if name != "WISTRO_BLOBS"}
        env = own | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
        with log.open("wb") as said:
            self._process = subprocess.Popen(
                argv, cwd=self._folder, env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )
        end = time.monotonic() + LIMIT_S
        while not _answers(self._folder):
            if self._process.poll() is not None or time.monotonic() > end:
                raise AssertionError(log.read_text())
            time.sleep(0.05)  # a process that starts tells nobody when it is ready
        return Shop(self._folder, self._process, port, log)

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(LIMIT_S)
        finally:
            self._process.kill()


def _answers(folder: Path) -> bool:
    running = Running.find(folder)
    return running is not None and running.get("engine", EngineView).steps > 0


@pytest.fixture(autouse=True)
def no_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Hub's folder of blobs, which tests set for it, is no bucket of an engine's."""
    monkeypatch.delenv("WISTRO_BLOBS", raising=False)


@pytest.fixture
def wistro(capfd: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    def said(*arguments: str) -> Said:
        capfd.readouterr()
        code = run(list(arguments))
        found = capfd.readouterr()
        return Said(code, found.out, found.err)

    return said


T = TypeVar("T")


def until(look: Callable[[], T | None]) -> T:
    """What `look` finds in the end: records are kept a moment after what they tell of."""
    end = time.monotonic() + LIMIT_S
    while (found := look()) is None:
        assert time.monotonic() < end, "never came"
        time.sleep(0.05)
    return found
