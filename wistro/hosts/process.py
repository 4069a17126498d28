"""One host process: its start, its lines and its death. The calls in it: flights.py; which host gets one: language_pool.py."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from wistro.hosts.connection import Connection, FrameTooLarge
from wistro.hosts.flights import Flights
from wistro.hosts.memory import held_bytes
from wistro.hosts.output import LineLimit, Output
from wistro.hosts.port import (
    Asks,
    HostCall,
    Launch,
    Launched,
    Launcher,
    LaunchFailed,
    Outcome,
)
from wistro.protocol import PROTOCOL
from wistro.protocol.frames import (
    Answer,
    BlobGet,
    BlobPut,
    Chunk,
    Done,
    Emit,
    Failed,
    FromHost,
    Get,
    Heard,
    Hello,
    List,
    Log,
    Ready,
    Stop,
    Write,
)

SOCKET = 3  # the host's end of the connection
ENDINGS_S = 0.1  # after the first sign of death, how long the others are waited for
LAST_WORDS_S = 1.0
LINES_PER_S = 10_000
LOOK_AGAIN_S = 1.0


class CannotStart(Exception):
    """The process did not get as far as Ready; the message says why."""


class HostEvents(Protocol):
    """What a host tells its pool. Called on the event loop."""

    def freed(self, host: HostProcess) -> None: ...  # a call left it

    def overdue(self, host: HostProcess) -> None: ...  # a call did not stop within the grace

    def ended(self, host: HostProcess) -> None: ...  # it is dead and every call has its outcome

    def line(self, line: Log) -> None: ...  # of no call


class HostProcess:
    """Use `start`; then `call` until `is_open` is false."""

    def __init__(
        self,
        *,
        launcher: Launcher,
        events: HostEvents,
        cancel_grace_s: float = 2.0,
        knows_who_prints: bool = True,
    ) -> None:
        self._launcher = launcher
        self._events = events
        self._knows_who_prints = knows_who_prints
        self._loop = asyncio.get_running_loop()
        self._launched: Launched | None = None
        self._flights = Flights(
            send=lambda frame: self._connection.send(frame),
            on_freed=lambda: events.freed(self),
            on_overdue=lambda: events.overdue(self),
            grace_s=cancel_grace_s,
        )
        self._ready: asyncio.Future[Ready] = self._loop.create_future()
        self._connection: Connection
        self._stderr = Output("stderr", on_line=self._line, on_end=lambda: self._gone("stderr"))
        self._stdout = Output("stdout", on_line=self._line, on_end=lambda: None)
        self._limit = LineLimit(LINES_PER_S)
        self._awaited_endings = {"socket", "process", "stderr"}
        self._reason: str | None = None  # why we ended it, when we did
        self._exit: str | None = None
        self._finish_timer: asyncio.TimerHandle | None = None
        self._drop_timer: asyncio.TimerHandle | None = None
        self._stop_timer: asyncio.TimerHandle | None = None
        self._look_again_at = 0.0
        self._is_finished = False
        self.exit = ""  # how it ended
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self.is_retired = False  # takes no more calls
        self.is_stopping = False  # and was asked to end by itself
        self._on_frame: dict[type, Callable[[Any], None]] = {
            Ready: self._on_ready,
            Heard: self._flights.heard,
            Emit: self._flights.emit,
            Get: self._flights.get,
            List: self._flights.list,
            Write: self._flights.write,
            BlobPut: self._flights.blob_put,
            BlobGet: self._flights.blob_get,
            Answer: self._flights.answer,
            Chunk: self._flights.chunk,
            Log: self._on_log,
            Done: self._flights.done,
            Failed: self._flights.failed,
        }

    # start

    async def start(self, launch: Launch, hello: Hello, *, timeout_s: float) -> Ready:
        """Start the process and wait for its Ready. Raises CannotStart; then nothing of it is left."""
        try:
            await self._launch(launch)
            self._connection.send(hello)
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(self._ready)
        except FrameTooLarge as error:
            self.kill("its variables and steps do not fit a frame")
            raise CannotStart(str(error)) from error
        except TimeoutError as error:
            self.kill("never said it was ready")
            raise CannotStart(f"it said nothing for {timeout_s:g} s") from error
        except (LaunchFailed, OSError) as error:  # OSError: no descriptor is left
            self.kill(str(error))
            raise CannotStart(str(error)) from error
        except asyncio.CancelledError:
            self.kill("no longer needed")
            raise

    async def _launch(self, launch: Launch) -> None:
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            our_end, their_end = socket.socketpair()
            ours.callback(our_end.close)
            theirs.callback(their_end.close)
            fds = {0: _opened(theirs, os.open(os.devnull, os.O_RDONLY)), SOCKET: their_end.fileno()}
            pipes = []
            for target, output in ((1, self._stdout), (2, self._stderr)):
                read_end, write_end = os.pipe()
                fds[target] = _opened(theirs, write_end)
                pipes.append((output, _opened(ours, read_end)))
            self._launched = self._launcher.launch(replace(launch, fds=fds))
            ours.pop_all()  # from here on transports close them
        if self._launched.pidfd >= 0:
            self._loop.add_reader(self._launched.pidfd, self._on_death)
        self._connection = Connection(on_frame=self._take, on_end=self._on_disconnect)
        our_end.setblocking(False)
        await self._loop.create_unix_connection(lambda: self._connection, sock=our_end)
        for output, fd in pipes:
            output.fd = fd
            pipe = os.fdopen(fd, "rb", buffering=0)
            await self._loop.connect_read_pipe(lambda output=output: output, pipe)

    # calls

    @property
    def never_ran(self) -> bool:
        return self._launched is None

    @property
    def is_open(self) -> bool:
        return not self.is_retired and self._reason is None and not self._is_dying

    @property
    def _is_dying(self) -> bool:
        return len(self._awaited_endings) < 3

    @property
    def in_flight(self) -> int:
        return len(self._flights)

    @property
    def idle_since(self) -> float:
        return self._flights.idle_since

    @property
    def has_neighbours(self) -> bool:
        """Whether a call that somebody still waits for is in it."""
        return self._flights.are_awaited

    def call(self, call: HostCall, asks: Asks, *, deadline_at: float) -> asyncio.Future[Outcome]:
        """Send it; the future has its outcome. Whoever stops waiting calls `cancel` with the future."""
        return self._flights.call(call, asks, deadline_at=deadline_at)

    def cancel(self, outcome: asyncio.Future[Outcome]) -> None:
        """Nobody waits for it any more: ask the step to stop; if it does not, the host is retired."""
        self._flights.cancel(outcome)

    # frames

    def _take(self, frame: FromHost) -> None:
        kind = type(frame)
        if not self._knows_who_prints and (kind is Done or kind is Failed):
            self._read_prints()
        self._on_frame[kind](frame)

    def _on_ready(self, ready: Ready) -> None:
        if not PROTOCOL - 1 <= ready.protocol <= PROTOCOL:
            self.kill(f"it speaks protocol {ready.protocol}, we speak {PROTOCOL}")
        elif not self._ready.done():
            self._ready.set_result(ready)

    def _on_log(self, frame: Log) -> None:
        if self._admits_line() and not self._flights.log(frame):
            self._events.line(frame)

    def held_bytes(self) -> int:
        """Its memory, looked at once a second at most: 0 in between, and where it cannot be seen."""
        now = self._loop.time()
        if now < self._look_again_at or self._launched is None:
            return 0
        self._look_again_at = now + LOOK_AGAIN_S
        return held_bytes(self._launched.pid) or 0

    # lines

    def _read_prints(self) -> None:
        """What a call printed is in the pipes before its end is told: read it while it is still known to be there."""
        for output in (self._stdout, self._stderr):
            output.read_now()
            if self._flights.only is not None:
                output.say_rest()

    def _line(self, line: Log) -> None:
        if not self._admits_line():
            return
        if not self._knows_who_prints:
            line.call = self._flights.only
        if not self._flights.log(line):
            self._events.line(line)

    def _admits_line(self) -> bool:
        if self._limit.admits(self._loop.time()):
            return True
        if self._drop_timer is None:
            self._drop_timer = self._loop.call_later(1.0, self._say_dropped)
        return False

    def _say_dropped(self) -> None:
        self._drop_timer = None
        if dropped := self._limit.take_dropped():
            message = f"{dropped} log lines dropped: more than {LINES_PER_S} in a second"
            line = Log(time.time_ns() // 1_000, "warn", message, fields={"dropped": dropped})
            self._events.line(line)

    # end

    def stop(self, *, grace_s: float) -> None:
        """Take no more calls, finish those in flight, exit; killed when it has not within the grace."""
        self.is_retired = self.is_stopping = True
        if not self._is_dying:
            self._connection.send(Stop(grace_s))
            self._stop_timer = self._loop.call_later(grace_s, self.kill, "stopped")

    def kill(self, reason: str) -> None:
        """Off the loop: reaping waits for the process's memory to be given back."""
        if self._launched is None or self._is_finished or self._reason is not None:
            return
        self._reason = reason
        self._loop.run_in_executor(None, self._launcher.kill, self._launched).add_done_callback(
            lambda _: self._gone("process")
        )

    def _on_death(self) -> None:
        assert self._launched is not None
        self._loop.remove_reader(self._launched.pidfd)
        self._exit = self._exit or _exit_of(self._launched.pid)
        self._launcher.kill(self._launched)  # what it started and left behind; and reaps it
        self._gone("process")

    def _on_disconnect(self, broken: str | None) -> None:
        if broken is not None:
            self.kill(broken)
        self._gone("socket")

    def _gone(self, ending: str) -> None:
        """Process, socket and stderr end in any order; what was written before the end still counts."""
        if self._is_finished:
            return
        self._awaited_endings.discard(ending)
        if not self._awaited_endings:
            self._finish()
        elif self._finish_timer is None:
            self._finish_timer = self._loop.call_later(ENDINGS_S, self._end_waiting)

    def _end_waiting(self) -> None:
        """Something of it is still open: a closed socket in a live process, or a child that kept stderr."""
        assert self._launched is not None
        if "process" in self._awaited_endings and self._launched.pidfd < 0:
            self._exit = _exit_of(
                self._launched.pid
            )  # without pidfd EOF is the first sign of death
        if self._exit:
            self._launcher.kill(self._launched)
            self._finish()
        elif "process" in self._awaited_endings:
            self.kill("closed its connection")
            self._loop.call_later(ENDINGS_S, self._finish)
        else:
            self._finish()

    def _finish(self) -> None:
        if self._is_finished:
            return
        self._is_finished = True
        assert self._launched is not None
        for timer in (self._finish_timer, self._stop_timer):
            if timer is not None:
                timer.cancel()
        self._connection.flush_and_close()
        for output in (self._stdout, self._stderr):  # what is in the pipes is still read
            self._loop.call_later(LAST_WORDS_S, output.close)
        if self._launched.pidfd >= 0:
            self._loop.remove_reader(self._launched.pidfd)
            os.close(self._launched.pidfd)
        self.exit = self._reason or self._exit or "exit unknown"
        if not self._knows_who_prints:
            self._read_prints()
        self._flights.lose(exit=self.exit, stderr=self._stderr.tail, is_stopping=self.is_stopping)
        if not self._ready.done():
            self._ready.set_exception(CannotStart(self._why_not_ready()))
            self._ready.exception()  # taken, in case nobody waits
        self.ended.set_result(None)
        self._events.ended(self)

    def _why_not_ready(self) -> str:
        tail = self._stderr.tail.strip()
        return f"{self.exit}: {tail}" if tail else self.exit


def _opened(stack: contextlib.ExitStack, fd: int) -> int:
    stack.callback(os.close, fd)
    return fd


def _exit_of(pid: int) -> str | None:
    """How a child ended, leaving it to be reaped; None when it lives or is not ours."""
    try:
        status = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    if status is None:
        return None
    if status.si_code == os.CLD_EXITED:
        return f"exit {status.si_status}"
    return f"signal {status.si_status}"
