"""`wistro …` as a process of its own, what it says line by line, and calls to the ports it serves."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
LIMIT_S = 30.0
TEMPLATES = ROOT / "wistro" / "cli" / "templates"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return self.json["error"]["code"]


@dataclass
class Running:
    """A started command. `said` are the lines of both its outputs so far."""

    process: asyncio.subprocess.Process
    said: list[str] = field(default_factory=list)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    async def line(self, wanted: str | Callable[[str], bool], *, after: int = 0) -> str:
        """The first line from number `after` on that holds the text; fails once the process has ended without it."""
        is_it = wanted if callable(wanted) else lambda line: wanted in line
        async with asyncio.timeout(LIMIT_S):
            while True:
                for line in self.said[after:]:
                    if is_it(line):
                        return line
                assert self.process.returncode is None, self.text
                self._more.clear()
                await self._more.wait()

    async def end(self, by: int = signal.SIGTERM) -> int:
        """Send the signal; the exit code."""
        self.process.send_signal(by)
        async with asyncio.timeout(LIMIT_S):
            return await self.process.wait()

    @property
    def text(self) -> str:
        return "\n".join(self.said)

    async def read(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            self.said.append(line.decode().rstrip("\n"))
            self._more.set()
        await self.process.wait()
        self._more.set()


@contextlib.asynccontextmanager
async def wistro(
    *arguments: str, folder: Path, env: dict[str, str] | None = None
) -> AsyncIterator[Running]:
    """`env` replaces the environment but for what Python needs to find wistro. The Hub's folder of blobs, which tests
    set for it, is no bucket of an engine's."""
    given = os.environ if env is None else env
    own = {name: value for name, value in given.items() if name != "WISTRO_BLOBS"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "wistro.cli", *arguments),
        cwd=folder,
        env={**own, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    running = Running(process)
    assert process.stdout is not None
    reading = asyncio.create_task(running.read(process.stdout))
    try:
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(15):
                await process.wait()
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
        await reading


async def run(*arguments: str, folder: Path, env: dict[str, str] | None = None) -> tuple[int, str]:
    """A command that ends by itself: its exit code and all it said."""
    async with wistro(*arguments, folder=folder, env=env) as running, asyncio.timeout(LIMIT_S):
        code = await running.process.wait()
    return code, running.text


async def ask(
    port: int,
    method: str,
    path: str,
    body: Any = None,
    *,
    headers: dict[str, str] | None = None,
) -> Answer:
    return await asyncio.to_thread(_ask, port, method, path, body, headers or {})


def _ask(port: int, method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
    try:
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body)
        given = {"content-type": "application/json"} if body is not None else {}
        connection.request(method, path, body=data, headers={**given, **headers})
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, answer.read())
    finally:
        connection.close()


def a_template(folder: Path, template: str = "python") -> Path:
    """A project as `wistro init` makes it."""
    from wistro.cli.init import write

    write(folder, template)
    return folder


def a_project(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def copied(source: Path, folder: Path) -> Path:
    shutil.copytree(source, folder, symlinks=True)
    return folder
