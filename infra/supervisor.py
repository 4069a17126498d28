"""Starts processes, starts again what dies (with backoff, said in one line), and stops them in order."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

from infra import procs
from infra.place import Place
from infra.processes import BY_NAME, Process, command, environment
from infra.ready import is_ready
from infra.reasons import reason
from infra.terminal import Failed

FIRST_DELAY_S = 0.1
LAST_DELAY_S = 10.0
STEADY_S = 5.0  # one that lived this long starts again at once, whatever came before
HOPELESS = 4  # deaths while one waits for it to be ready
SAID_BYTES = 16 * 1024
LOG_BYTES = 10 * 1024 * 1024


@dataclass
class Child:
    """One process of the table and how it has fared."""

    process: Process
    popen: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    keeper: asyncio.Task[None] | None = None
    stopping: bool = False
    last_words: str = ""  # why it ended last time

    @property
    def alive(self) -> bool:
        return self.popen is not None and self.popen.poll() is None


class Supervisor:
    """The running processes of one place."""

    def __init__(self, place: Place, *, tell: Callable[[str], None] = lambda text: None) -> None:
        self.place = place
        self.tell = tell
        self.children: dict[str, Child] = {}
        self._launched = asyncio.Event()  # set at each launch, and then replaced
        self._said_from: dict[str, int] = {}  # where in its log each began
        self._short: set[int] = set()  # pids of commands that run to their end

    @property
    def pids(self) -> dict[str, int]:
        """The pid of every process that lives, by name."""
        return {
            name: child.popen.pid
            for name, child in self.children.items()
            if child.popen and child.alive
        }

    @property
    def restarts(self) -> dict[str, int]:
        """How often each was started again since it was first started."""
        return {name: child.restarts for name, child in self.children.items()}

    def start(self, process: Process) -> None:
        child = self.children.setdefault(process.name, Child(process))
        child.stopping = False
        self._launch(child)
        child.keeper = asyncio.create_task(self._keep(child), name=f"keep {process.name}")

    def _launch(self, child: Child) -> None:
        process = child.process
        if process.own_folder:
            (self.place.data / process.name).mkdir(mode=0o700, exist_ok=True)
        with self._log(process.name) as log:
            argv, env = command(process, self.place), environment(process, self.place)
            child.popen = _popen(argv, cwd=self.place.root, env=env, log=log)
        self._write_pids()

    async def _keep(self, child: Child) -> None:
        """Wait for its end, then start it again: at once after a steady life, ever later after short ones."""
        delay = FIRST_DELAY_S
        while child.popen is not None:
            started = time.monotonic()
            code = await procs.exited(child.popen)
            if child.stopping:
                return
            child.last_words = self.why(child.process.name)
            if child.process.group_dies_with_it:
                _kill_group(child.popen.pid)
            if time.monotonic() - started >= STEADY_S:
                delay = FIRST_DELAY_S
            self.tell(restarted(child.process.name, code, delay, child.last_words))
            await asyncio.sleep(delay)
            delay = min(delay * 2, LAST_DELAY_S)
            child.restarts += 1
            self._launch(child)
            self._launched.set()
            self._launched = asyncio.Event()

    def said(self, name: str) -> str:
        """What it has printed since it was last started, the end of it."""
        try:
            with (self.place.logs / f"{name}.log").open("rb") as file:
                since = self._said_from.get(name, 0)
                file.seek(max(since, file.seek(0, os.SEEK_END) - SAID_BYTES))
                return file.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def why(self, name: str) -> str:
        """Its reason for ending, in one line."""
        return reason(self.said(name))

    async def run(
        self,
        argv: list[str],
        *,
        log: str,
        env: dict[str, str],
        timeout_s: float,
        cwd: Path | None = None,
    ) -> int:
        """Run one command to its end, its output in the log of that name."""
        with self._log(log) as file:
            popen = _popen(argv, cwd=cwd or self.place.root, env=env, log=file)
        self._short.add(popen.pid)
        try:
            return await asyncio.wait_for(procs.exited(popen), timeout_s)
        except (TimeoutError, asyncio.CancelledError):
            _kill_group(popen.pid)
            popen.wait()
            raise
        finally:
            self._short.discard(popen.pid)

    async def run_once(self, process: Process, *, timeout_s: float = 300) -> None:
        """Run a process of the table that ends by itself; raises Failed with its last words."""
        argv, env = command(process, self.place), environment(process, self.place)
        code = await self.run(argv, log=process.name, env=env, timeout_s=timeout_s)
        if code:
            raise Failed(
                f"{process.name} failed: {self.why(process.name)}",
                f"All of it: {self._log_name(process.name)}",
            )

    def _log_name(self, name: str) -> str:
        path = self.place.logs / f"{name}.log"
        return str(
            path.relative_to(self.place.root) if path.is_relative_to(self.place.root) else path
        )

    async def wait_ready(self, *names: str, timeout_s: float = 60) -> None:
        """Wait until these (or all) answer; raises Failed naming the first that does not in time."""
        wanted = names or tuple(self.children)
        deadline = time.monotonic() + timeout_s
        before = self.restarts
        for name in wanted:
            while not await self._answers(name):
                deaths = self.restarts[name] - before[name]
                if deaths >= HOPELESS:
                    self._give_up(name, f"ended {deaths} times while starting")
                if time.monotonic() > deadline:
                    self._give_up(name, f"was not ready in {timeout_s:g} s")
                await asyncio.sleep(0.05)

    async def wait_restarted(self, name: str, *, after: int = 0, timeout_s: float = 60) -> None:
        """Wait until it was started again more than `after` times, and answers."""
        async with asyncio.timeout(timeout_s):
            while self.restarts[name] <= after:
                await self._launched.wait()
        await self.wait_ready(name, timeout_s=timeout_s)

    def _give_up(self, name: str, what: str) -> NoReturn:
        raise Failed(
            f"{name} {what}: {self.children[name].last_words or self.why(name)}",
            f"All of it: {self._log_name(name)}",
        )

    async def _answers(self, name: str) -> bool:
        child = self.children[name]
        return child.alive and await is_ready(child.process, self.place)

    async def stop(self, *names: str, grace_s: float = 10) -> None:
        """Ask these (or all) to end, together, and kill what has not ended in time."""
        chosen = [
            self.children[name] for name in names or tuple(self.children) if name in self.children
        ]
        for child in chosen:
            child.stopping = True
            if child.popen and child.alive:
                with contextlib.suppress(ProcessLookupError):
                    child.popen.send_signal(child.process.stop)
        await asyncio.gather(*(self._end(child, grace_s) for child in chosen))
        self._write_pids()

    async def _end(self, child: Child, grace_s: float) -> None:
        if child.popen:
            try:
                await asyncio.wait_for(procs.exited(child.popen), grace_s)
            except TimeoutError:
                self.tell(f"{child.process.name} did not end in {grace_s:g} s; killed")
                child.popen.kill()
                await procs.exited(child.popen)
            if child.process.group_dies_with_it:
                _kill_group(child.popen.pid)
        if child.keeper:
            child.keeper.cancel()
            await asyncio.gather(child.keeper, return_exceptions=True)

    def owns(self, pid: int) -> bool:
        """Whether this pid is waited for here (an adopted orphan is not)."""
        return pid in self._short or any(
            c.popen and c.popen.pid == pid for c in self.children.values()
        )

    def _log(self, name: str) -> IO[bytes]:
        """The log to append to; a large one is set aside first, one generation of it."""
        path = self.place.logs / f"{name}.log"
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".1.log"))
        file = path.open("ab")
        self._said_from[name] = file.seek(0, os.SEEK_END)
        return file

    def _write_pids(self) -> None:
        """Leave what the next `make up` needs to end this one's processes, should this one be killed."""
        living = [procs.identify(pid) for pid in self.pids.values()]
        record = {
            "boot_id": procs.boot_id(),
            "processes": [{"pid": one.pid, "started": one.started} for one in living if one],
        }
        path = pid_file(self.place)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(record))
        partial.replace(path)


def pid_file(place: Place) -> Path:
    return place.data / "up.json"


def end_leftovers(place: Place) -> int:
    """End what a killed `make up` left running here; says how many processes that were."""
    victims: dict[int, procs.Identity] = {}
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        record = json.loads(pid_file(place).read_text())
        if record["boot_id"] == procs.boot_id():
            for kept in record["processes"]:
                one = procs.Identity(int(kept["pid"]), str(kept["started"]))
                if procs.identify(one.pid) == one:
                    victims[one.pid] = one
    for one in [*procs.descendants(victims), *procs.marked(place.key)]:
        victims[one.pid] = one
    ended = procs.end(victims.values(), grace_s=5, first=BY_NAME["postgres"].stop) if victims else 0
    pid_file(place).unlink(missing_ok=True)
    return ended


def _popen(
    argv: list[str], *, cwd: Path, env: dict[str, str], log: IO[bytes]
) -> subprocess.Popen[bytes]:
    """In a session of its own: the terminal's Ctrl-C is ours to pass on, in order."""
    return subprocess.Popen(
        argv,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def restarted(name: str, code: int, delay_s: float, last_words: str) -> str:
    """What is told of it. A killed process had no last words: what its log ends with is of another matter."""
    told = f"{name} {_how(code)}; started again in {delay_s:g} s"
    return told if code == -signal.SIGKILL else f"{told}: {last_words}"


def _how(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with {code}"
