"""One host process: its start, the calls in flight in it, their deadlines, and its death. Which host gets a call: pool.py."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from wistro.hosts.connection import Connection, FrameTooLarge
from wistro.hosts.output import LineLimit, Output
from wistro.hosts.port import (
    Asks,
    HostCall,
    HostLost,
    Launch,
    Launched,
    Launcher,
    LaunchFailed,
    Outcome,
    Returned,
    Threw,
    TimedOut,
)
from wistro.protocol import PROTOCOL
from wistro.protocol.frames import (
    BlobGet,
    BlobPut,
    Call,
    Cancel,
    Done,
    Emit,
    Failed,
    FromHost,
    Get,
    Hello,
    List,
    Log,
    Ready,
    Refusal,
    Reply,
    Stop,
    Write,
)

Asking = Emit | Get | List | BlobPut | BlobGet

SOCKET = 3  # the host's end of the connection
ENDINGS_S = 0.1  # after the first sign of death, how long the others are waited for
LAST_WORDS_S = 1.0
LINES_PER_S = 10_000


class CannotStart(Exception):
    """The process did not get as far as Ready; the message says why."""


class HostEvents(Protocol):
    """What a host tells its pool. Called on the event loop."""

    def freed(self, host: HostProcess) -> None: ...  # a call left it

    def overdue(self, host: HostProcess) -> None: ...  # a call did not stop within the grace

    def ended(self, host: HostProcess) -> None: ...  # it is dead and every call has its outcome

    def line(self, line: Log) -> None: ...  # of no call


@dataclass(slots=True)
class _Flight:
    """A call in the host. `abandoned`: its outcome is told, but the host has not let go of it."""

    call: HostCall
    asks: Asks
    outcome: asyncio.Future[Outcome]
    deadline_at: float  # on the loop's clock
    cancelled_at: float | None = None
    reason: str = "deadline"
    abandoned: bool = False


class HostProcess:
    """Use `start`; then `call` until `is_open` is false."""

    def __init__(
        self, *, launcher: Launcher, events: HostEvents, cancel_grace_s: float = 2.0
    ) -> None:
        self._launcher = launcher
        self._events = events
        self._grace_s = cancel_grace_s
        self._loop = asyncio.get_running_loop()
        self._launched: Launched | None = None
        self._flights: dict[int, _Flight] = {}
        self._last_call = 0
        self._ready: asyncio.Future[Ready] = self._loop.create_future()
        self._connection: Connection
        self._stderr = Output("stderr", on_line=self._line, on_end=lambda: self._gone("stderr"))
        self._stdout = Output("stdout", on_line=self._line, on_end=lambda: None)
        self._limit = LineLimit(LINES_PER_S)
        self._awaited_endings = {"socket", "process", "stderr"}
        self._reason: str | None = None  # why we ended it, when we did
        self._exit: str | None = None
        self._finish_timer: asyncio.TimerHandle | None = None
        self._deadline_timer: asyncio.TimerHandle | None = None
        self._drop_timer: asyncio.TimerHandle | None = None
        self._stop_timer: asyncio.TimerHandle | None = None
        self._is_finished = False
        self.exit = ""  # how it ended
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self.is_retired = False  # takes no more calls
        self.is_stopping = False  # and was asked to end by itself
        self.idle_since = self._loop.time()
        self._on_frame: dict[type, Callable[[Any], None]] = {
            Ready: self._on_ready,
            Emit: self._on_emit,
            Get: self._on_get,
            List: self._on_list,
            Write: self._on_write,
            BlobPut: self._on_blob_put,
            BlobGet: self._on_blob_get,
            Log: self._on_log,
            Done: self._on_done,
            Failed: self._on_failed,
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

    def call(self, call: HostCall, asks: Asks, *, deadline_at: float) -> asyncio.Future[Outcome]:
        """Send it; the future has its outcome. Whoever stops waiting calls `cancel` with the future."""
        outcome: asyncio.Future[Outcome] = self._loop.create_future()
        number = self._last_call = self._last_call + 1
        try:
            self._connection.send(Call(number, call.step, call.kind, call.input, call.context))
        except FrameTooLarge as error:
            failed = Failed(number, "MessageTooLarge", str(error), retry="never")
            outcome.set_result(Threw(failed))
            self._loop.call_soon(self._events.freed, self)
            return outcome
        self._flights[number] = _Flight(call, asks, outcome, deadline_at)
        self._watch(deadline_at)
        return outcome

    def cancel(self, outcome: asyncio.Future[Outcome], reason: str = "cancelled") -> None:
        """Nobody waits for it any more: ask the step to stop; if it does not, the host is retired."""
        for number, flight in self._flights.items():
            if flight.outcome is outcome and flight.cancelled_at is None:
                flight.reason = reason
                self._cancel(number, flight)

    def _cancel(self, number: int, flight: _Flight) -> None:
        flight.cancelled_at = self._loop.time()
        self._connection.send(Cancel(number, flight.reason))
        self._watch(flight.cancelled_at + self._grace_s)

    def _watch(self, at: float) -> None:
        """One timer for all calls: deadlines mostly come in order, so it is rarely set anew."""
        timer = self._deadline_timer
        if timer is not None:
            if timer.when() <= at:
                return
            timer.cancel()
        self._deadline_timer = self._loop.call_at(at, self._on_time)

    def _on_time(self) -> None:
        self._deadline_timer = None
        now = self._loop.time() + 0.001  # timers round down by a millisecond
        for number, flight in list(self._flights.items()):
            if flight.abandoned:
                continue
            if flight.cancelled_at is not None:
                if now >= flight.cancelled_at + self._grace_s:
                    self._abandon(flight)
            elif now >= flight.deadline_at:
                if (
                    self.is_retired
                ):  # an overdue neighbour may be what holds it up: it gets another host
                    flight.abandoned = True
                    self._settle(flight, HostLost(alone=False, exit="retired", stderr=""))
                    self._events.freed(self)
                else:
                    self._cancel(number, flight)
        waiting = [
            flight.deadline_at
            if flight.cancelled_at is None
            else flight.cancelled_at + self._grace_s
            for flight in self._flights.values()
            if not flight.abandoned
        ]
        if waiting:
            self._watch(min(waiting))

    def _abandon(self, flight: _Flight) -> None:
        flight.abandoned = True
        self._settle(flight, TimedOut(flight.call.deadline_s))
        self._events.overdue(self)

    @property
    def has_neighbours(self) -> bool:
        """Whether a call that somebody still waits for is in it."""
        return any(not flight.abandoned for flight in self._flights.values())

    # frames

    def _take(self, frame: FromHost) -> None:
        self._on_frame[type(frame)](frame)

    def _on_ready(self, ready: Ready) -> None:
        if not PROTOCOL - 1 <= ready.protocol <= PROTOCOL:
            self.kill(f"it speaks protocol {ready.protocol}, we speak {PROTOCOL}")
        elif not self._ready.done():
            self._ready.set_result(ready)

    def _on_done(self, frame: Done) -> None:
        self._leave(frame.call, Returned(frame.answer))

    def _on_failed(self, frame: Failed) -> None:
        self._leave(frame.call, Threw(frame))

    def _leave(self, number: int, outcome: Outcome) -> None:
        flight = self._flights.pop(number, None)
        if flight is None:
            return
        if flight.cancelled_at is not None:
            outcome = TimedOut(flight.call.deadline_s)
        self._settle(flight, outcome)
        if not self._flights:
            self.idle_since = self._loop.time()
        self._events.freed(self)

    @staticmethod
    def _settle(flight: _Flight, outcome: Outcome) -> None:
        if not flight.outcome.done():
            flight.outcome.set_result(outcome)

    def _asking(self, number: int) -> _Flight | None:
        """The call that asks, unless it is over or cancelled: then what it still does counts for nothing."""
        flight = self._flights.get(number)
        return flight if flight is not None and flight.cancelled_at is None else None

    def _on_emit(self, frame: Emit) -> None:
        if flight := self._asking(frame.call):
            with self._our_bugs(flight):
                self._answer(flight, frame, flight.asks.emit(frame))

    def _on_get(self, frame: Get) -> None:
        if flight := self._asking(frame.call):
            with self._our_bugs(flight):
                self._answer(flight, frame, flight.asks.get(frame))

    def _on_list(self, frame: List) -> None:
        if flight := self._asking(frame.call):
            with self._our_bugs(flight):
                self._answer(flight, frame, flight.asks.list(frame))

    def _on_write(self, frame: Write) -> None:
        if flight := self._asking(frame.call):
            with self._our_bugs(flight):
                flight.asks.write(frame)

    def _on_blob_put(self, frame: BlobPut) -> None:
        if flight := self._asking(frame.call):
            with self._our_bugs(flight):
                self._answer(flight, frame, flight.asks.blob_put(frame))

    def _on_blob_get(self, frame: BlobGet) -> None:
        if flight := self._asking(frame.call):
            with self._our_bugs(flight):
                self._answer(flight, frame, flight.asks.blob_get(frame))

    def _on_log(self, frame: Log) -> None:
        flight = None if frame.call is None else self._flights.get(frame.call)
        if flight is None:
            self._line(frame)
        elif self._admits_line():
            with self._our_bugs(flight):
                flight.asks.log(frame)

    def _answer(self, flight: _Flight, frame: Asking, value: Any) -> None:
        if not hasattr(type(value), "__await__"):
            self._reply(frame, value)
            return

        async def wait() -> None:
            with self._our_bugs(flight):
                self._reply(frame, await value)

        task = self._loop.create_task(wait())
        flight.outcome.add_done_callback(lambda _: task.cancel())

    def _reply(self, frame: Asking, value: Any) -> None:
        is_refused = isinstance(value, Refusal)
        refusal, value = (value, None) if is_refused else (None, value)
        self._connection.send(Reply(frame.call, frame.ask, value, refusal))

    @contextlib.contextmanager
    def _our_bugs(self, flight: _Flight) -> Any:
        """The engine's own exception goes to the engine, by the call's future, not into the transport."""
        try:
            yield
        except Exception as error:
            if not flight.outcome.done():
                flight.outcome.set_exception(error)

    # lines

    def _line(self, line: Log) -> None:
        if self._admits_line():
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
        for timer in (self._finish_timer, self._deadline_timer, self._stop_timer):
            if timer is not None:
                timer.cancel()
        self._connection.flush_and_close()
        for output in (self._stdout, self._stderr):  # what is in the pipes is still read
            self._loop.call_later(LAST_WORDS_S, output.close)
        if self._launched.pidfd >= 0:
            self._loop.remove_reader(self._launched.pidfd)
            os.close(self._launched.pidfd)
        self.exit = self._reason or self._exit or "exit unknown"
        self._lose_flights()
        if not self._ready.done():
            self._ready.set_exception(CannotStart(self._why_not_ready()))
            self._ready.exception()  # taken, in case nobody waits
        self.ended.set_result(None)
        self._events.ended(self)

    def _lose_flights(self) -> None:
        waited_for = [flight for flight in self._flights.values() if not flight.abandoned]
        # One that we ended says nothing of the call that was in it.
        alone = len(self._flights) == 1 and not self.is_stopping
        for flight in waited_for:
            timed_out = flight.cancelled_at is not None
            lost = HostLost(alone=alone, exit=self.exit, stderr=self._stderr.tail)
            self._settle(flight, TimedOut(flight.call.deadline_s) if timed_out else lost)
        self._flights.clear()

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
