"""Keeps one environment's engine: adopts or starts it, tells it what to run, starts it again when it dies."""

from __future__ import annotations

import asyncio
import logging
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from runner.agent import engine_process
from runner.agent.control import End, Orders, Report
from runner.agent.engine_process import Line
from runner.hub import backoff_s
from runner.paths import control_socket, private_folder

log = logging.getLogger("runner.agent")
STEADY_S = 5.0  # one that lived this long is started again at once
CONNECT_LOOK_S = 0.02
ANSWERS_S = 30.0  # a store that was large at its end may take long to open
END_S = 45.0
HOPELESS = 4  # failed starts, one after the other


class Keeper:
    """`run` until cancelled, which leaves the engine running; `end` stops it. `order` may be called at any time."""

    def __init__(
        self,
        environment_id: str,
        *,
        data: Path,
        run: Path,
        on_report: Callable[[Report], None],
        on_change: Callable[[], None],
        jitter: random.Random,
    ) -> None:
        self.environment_id = environment_id
        self.problem: str | None = None  # why no engine can be had, after several tries
        self._data = private_folder(data)
        self._path = control_socket(run, environment_id)
        self._on_report = on_report
        self._on_change = on_change
        self._jitter = jitter
        self._orders: Orders | None = None
        self._line: Line | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ending = False
        self._over = asyncio.Event()  # `run` has returned because of `end`

    async def order(self, orders: Orders) -> None:
        self._orders = orders
        if self._line is not None:
            await self._line.say(orders)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        waits: Iterator[float] | None = None
        failures = 0
        while not self._is_ending:
            began = loop.time()
            why = await self._one_life()
            if self._is_ending:
                break
            if loop.time() - began >= STEADY_S:
                waits, failures = None, 0
            else:
                failures += 1
            log.warning("the engine of %s %s", self.environment_id, why)
            if failures >= HOPELESS:
                self.problem = f"its engine does not stay up: it {why}"
                self._on_change()
            if failures:
                waits = waits or backoff_s(first_s=0.1, cap_s=10.0, jitter=self._jitter)
                await asyncio.sleep(next(waits))
        self._over.set()

    async def end(self) -> None:
        """Tell it to drain and wait for its end; after that long it is left to its lock and its fence."""
        self._is_ending = True
        if self._line is not None:
            await self._line.say(End())
        try:
            await asyncio.wait_for(self._over.wait(), END_S)
        except TimeoutError:
            log.error("the engine of %s does not end", self.environment_id)

    def let_go(self) -> None:
        """Leave it running for the next agent."""
        if self._line is not None:
            self._line.close()
        if self._process is not None:
            self._process.returncode = self._process.poll() or 0  # ours no longer to wait for

    async def _one_life(self) -> str:
        """Adopt it or start it, and listen until it is gone; how that ended."""
        line = await Line.open(self._path)
        if line is not None:
            log.info("adopted the engine of %s", self.environment_id)
        else:
            self._process = engine_process.start(self.environment_id, data=self._data)
            line = await self._first_answer(self._process)
        while line is not None:
            self.problem = None
            await self._listen(line)
            line = await self._again()
        return await self._end_of_process()

    async def _listen(self, line: Line) -> None:
        self._line = line
        try:
            if self._is_ending:
                await line.say(End())
            elif self._orders is not None:
                await line.say(self._orders)
            await line.listen(self._on_report)
        finally:
            self._line = None
            line.close()

    async def _again(self) -> Line | None:
        """A new line to a process that lives on and listens; None once it has ended, or is about to."""
        if self._process is None or self._process.poll() is not None or self._is_ending:
            return None
        await asyncio.sleep(CONNECT_LOOK_S)
        return await Line.open(self._path)

    async def _first_answer(self, process: subprocess.Popen[bytes]) -> Line | None:
        until = asyncio.get_running_loop().time() + ANSWERS_S
        while process.poll() is None and asyncio.get_running_loop().time() < until:
            if (line := await Line.open(self._path)) is not None:
                return line
            await asyncio.sleep(CONNECT_LOOK_S)
        if process.poll() is None:
            process.kill()
        return None

    async def _end_of_process(self) -> str:
        """A child's exit; of an adopted engine only its connection is known here."""
        if self._process is None:
            return "ended its connection"
        process = self._process
        try:
            code = await asyncio.wait_for(engine_process.ended(process), END_S)
        except TimeoutError:
            process.kill()
            code = await engine_process.ended(process)
        self._process = None
        return f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
