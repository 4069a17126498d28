"""The hosts of one language: which of them gets a call, when one is started, retired, stopped. One host: process.py."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wistro.hosts.port import Asks, Bind, HostCall, HostLost, Launch, Launcher, Outcome
from wistro.hosts.process import CannotStart, HostProcess
from wistro.hosts.project import Project, Sizes
from wistro.languages import Language, NotInstalled
from wistro.languages.runtimes import matches
from wistro.protocol import PROTOCOL
from wistro.protocol.frames import Hello, Log

_Sent = tuple[HostProcess, "asyncio.Future[Outcome]"]


@dataclass(slots=True)
class _Waiting:
    """A call without a host. `sent` gets its host and the future of its outcome, or why none can be had."""

    call: HostCall
    asks: Asks
    deadline_at: float
    sent: asyncio.Future[_Sent | str]


class LanguagePool:
    """Implements process.HostEvents."""

    def __init__(
        self,
        language: Language,
        project: Project,
        *,
        launcher: Launcher,
        on_line: Callable[[Log], None],
        sizes: Sizes,
    ) -> None:
        self._language = language
        self._project = project
        self._launcher = launcher
        self._on_line = on_line
        self._sizes = sizes
        self.hosts: list[HostProcess] = []  # all that have not ended
        self._serving: list[HostProcess] = []  # those that take calls
        self._reserved: HostProcess | None = None  # has, or is emptied for, a call that runs alone
        self._waiting: deque[_Waiting] = deque()
        self._waiting_alone: deque[_Waiting] = deque()
        self._start: asyncio.Task[None] | None = None
        self._failures = 0
        self._no_start_before = 0.0
        self._why_not = ""
        self._idle_timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    # calls

    async def call(self, call: HostCall, asks: Asks) -> Outcome:
        """Outcomes are values. Who cancels this has the step cancelled."""
        deadline_at = asyncio.get_running_loop().time() + call.deadline_s
        host = None if call.alone or self._waiting else self._least_busy()
        if host is not None:
            outcome = host.call(call, asks, deadline_at=deadline_at)
        else:
            sent = await self._wait(call, asks, deadline_at)
            if isinstance(sent, str):
                return HostLost(alone=False, exit=f"could not start: {sent}", stderr="")
            host, outcome = sent
        try:
            return await outcome
        except asyncio.CancelledError:
            host.cancel(outcome)
            raise

    def _least_busy(self) -> HostProcess | None:
        best, least = None, self._sizes.calls
        for host in self._serving:
            if host.in_flight < least and host is not self._reserved and host.is_open:
                best, least = host, host.in_flight
        return best

    async def _wait(self, call: HostCall, asks: Asks, deadline_at: float) -> _Sent | str:
        if self._is_closed:
            return "this deployment's hosts are stopped"
        loop = asyncio.get_running_loop()
        waiting = _Waiting(call, asks, deadline_at, loop.create_future())
        why = f"no host was free in {call.deadline_s:g} s"
        timer = loop.call_at(deadline_at, _tell, waiting, why)
        (self._waiting_alone if call.alone else self._waiting).append(waiting)
        self._pump()
        try:
            return await waiting.sent
        except asyncio.CancelledError:
            if waiting.sent.done() and not waiting.sent.cancelled():
                sent = waiting.sent.result()
                if not isinstance(sent, str):
                    sent[0].cancel(sent[1])
            raise
        finally:
            timer.cancel()

    # who gets which host

    def _pump(self) -> None:
        """Give hosts to those that wait; start one where that is not enough; tell them when none can be had."""
        self._pump_alone()
        while (waiting := _first(self._waiting)) and (host := self._least_busy()):
            self._waiting.popleft()
            _send(waiting, host)
        if _first(self._waiting):
            self._start_one(at_most=self._sizes.hosts)
        if not self._serving and self._start is None:
            self._tell_all(self._why_not or "no host is left")

    def _pump_alone(self) -> None:
        """A call that runs alone gets an idle host, else one more than the usual number, else one is emptied for it."""
        waiting = _first(self._waiting_alone)
        if waiting is None:
            if self._reserved is not None and not self._reserved.in_flight:
                self._reserved = None
            return
        if self._reserved is None:
            self._reserved = next((host for host in self._serving if not host.in_flight), None)
        if self._reserved is None:
            self._start_one(at_most=self._sizes.hosts + 1)
            if self._start is None and self._serving:
                self._reserved = min(self._serving, key=lambda host: host.in_flight)
        if self._reserved is not None and not self._reserved.in_flight:
            self._waiting_alone.popleft()
            _send(waiting, self._reserved)

    def _tell_all(self, why: str) -> None:
        for waiting in (*self._waiting, *self._waiting_alone):
            _tell(waiting, why)
        self._waiting.clear()
        self._waiting_alone.clear()

    # starting

    def warm_soon(self) -> None:
        """Start the first host before a call wants one."""
        if not self._serving and self._start is None:
            self._start_one(at_most=1)

    async def warm(self) -> str | None:
        """Have a host that takes calls; None, or why there is none."""
        self.warm_soon()
        if self._start is not None:
            await asyncio.wait([self._start])
        return None if self._serving else self._why_not or "its hosts are stopped"

    def _start_one(self, *, at_most: int) -> None:
        """One at a time, never more than `at_most`, and not soon after a failed start."""
        loop = asyncio.get_running_loop()
        if self._start is not None or self._is_closed or loop.time() < self._no_start_before:
            return
        if sum(not host.is_retired for host in self.hosts) < at_most:
            self._start = loop.create_task(self._bring_up())

    async def _bring_up(self) -> None:
        host = HostProcess(
            launcher=self._launcher,
            events=self,
            cancel_grace_s=self._sizes.cancel_grace_s,
            knows_who_prints=self._language.knows_who_prints,
        )
        try:
            launch = self._launch()
            self.hosts.append(host)
            ready = await host.start(launch, self._hello(), timeout_s=self._sizes.start_timeout_s)
            wanted = self._project.runtimes.get(self._language.name)
            if wanted and not matches(wanted, ready.runtime):
                host.kill("it is another version than asked for")
                raise CannotStart(
                    f"`runtimes` asks for {self._language.name} {wanted}, {launch.argv[0]} is {ready.runtime}"
                )
        except (CannotStart, NotInstalled) as error:
            self._back_off(str(error))
        else:
            self._failures, self._why_not = 0, ""
            self._serving.append(host)
            self._watch_idle()
        finally:
            self._start = None
            if host.never_ran and host in self.hosts:
                self.hosts.remove(host)
        self._pump()

    def _back_off(self, why: str) -> None:
        wait_s = min(
            self._sizes.backoff_s * 2 ** min(self._failures, 16), self._sizes.backoff_cap_s
        )
        self._failures += 1
        self._no_start_before = asyncio.get_running_loop().time() + wait_s
        self._why_not = why
        if not self._serving:
            self._tell_all(why)

    def _launch(self) -> Launch:
        language, project = self._language, self._project
        reads = [project.root, language.home, *project.reads]
        if language.host is None:
            argv = [str(self._built_host()), "host"]
        else:
            version = project.runtimes.get(language.name)
            program = language.find(project.root, version, project.environ.get("PATH", ""))
            argv = [str(program), *language.host]
            if (prefix := program.resolve().parent.parent) != prefix.parent:
                reads.append(prefix)
        return Launch(
            argv=argv,
            cwd=project.root,
            env=project.environ,
            fds={},
            binds=[Bind(path, path) for path in reads],
            label=f"{project.label}-{language.name}",
            egress=project.egress,
        )

    def _built_host(self) -> Path:
        """The program that a compiled language's steps are built into, one for all of them."""
        steps = self._project.steps[self._language.name].values()
        built = next((step.built for step in steps if step.built is not None), None)
        if built is None:
            raise CannotStart(f"the {self._language.name} steps have not been built")
        return self._project.root / built

    def _hello(self) -> Hello:
        steps = self._project.steps[self._language.name]
        return Hello(PROTOCOL, str(self._project.root), steps, self._project.env)

    # what hosts tell

    def freed(self, host: HostProcess) -> None:
        if not host.is_retired and (held := host.held_bytes()) > self._sizes.memory_bytes:
            self._withdraw(host)
            self._say_outgrown(held)
        if host.is_retired and not host.is_stopping and not host.has_neighbours:
            host.kill("retired")
        if self._waiting or self._reserved is host:
            self._pump()

    def _say_outgrown(self, held: int) -> None:
        limit = self._sizes.memory_bytes >> 20
        message = f"a {self._language.name} host is replaced: it holds {held >> 20} MiB, more than {limit}"
        fields = {"held_mib": held >> 20, "limit_mib": limit}
        self._on_line(Log(time.time_ns() // 1_000, "warn", message, fields=fields))

    def overdue(self, host: HostProcess) -> None:
        """It is retired: new calls go to another, its neighbours finish, then it is killed."""
        self._withdraw(host)
        if not host.has_neighbours:
            host.kill("retired")
        self._pump()

    def ended(self, host: HostProcess) -> None:
        self._withdraw(host)
        if host in self.hosts:
            self.hosts.remove(host)
        self._pump()

    def line(self, line: Log) -> None:
        self._on_line(line)

    def _withdraw(self, host: HostProcess) -> None:
        host.is_retired = True
        if host in self._serving:
            self._serving.remove(host)
        if self._reserved is host:
            self._reserved = None

    # idle and end

    def _watch_idle(self) -> None:
        if self._idle_timer is None and self._serving:
            now = asyncio.get_running_loop().time()
            oldest = min(now if host.in_flight else host.idle_since for host in self._serving)
            self._idle_timer = asyncio.get_running_loop().call_at(
                oldest + self._sizes.idle_s, self._stop_idle
            )

    def _stop_idle(self) -> None:
        self._idle_timer = None
        since = asyncio.get_running_loop().time() - self._sizes.idle_s + 0.001
        for host in list(self._serving):
            if not host.in_flight and host.idle_since <= since:
                self._withdraw(host)
                host.stop(grace_s=self._sizes.stop_grace_s)
        self._watch_idle()

    async def close(self, *, grace_s: float) -> None:
        """Take no more calls; let those in flight finish; every process is gone when this returns."""
        self._is_closed = True
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        if self._start is not None:
            self._start.cancel()
            await asyncio.wait([self._start])
        self._tell_all("this deployment's hosts are stopped")
        hosts = list(self.hosts)
        for host in hosts:
            self._withdraw(host)
            host.stop(grace_s=grace_s)
        if hosts:
            await asyncio.wait([host.ended for host in hosts], timeout=grace_s + 5)


def _first(queue: deque[_Waiting]) -> _Waiting | None:
    """The first that still waits."""
    while queue and queue[0].sent.done():
        queue.popleft()
    return queue[0] if queue else None


def _send(waiting: _Waiting, host: HostProcess) -> None:
    outcome = host.call(waiting.call, waiting.asks, deadline_at=waiting.deadline_at)
    waiting.sent.set_result((host, outcome))


def _tell(waiting: _Waiting, why: str) -> None:
    if not waiting.sent.done():
        waiting.sent.set_result(why)
