"""The calls in flight in one host: sent, answered, cancelled at their deadlines, and lost with it. The host itself: process.py."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wistro.hosts.connection import FrameTooLarge
from wistro.hosts.port import Asks, HostCall, HostLost, Outcome, Returned, Threw, TimedOut
from wistro.protocol.frames import (
    Answer,
    BlobGet,
    BlobPut,
    Call,
    Cancel,
    Chunk,
    Done,
    Emit,
    Failed,
    FromEngine,
    Get,
    Heard,
    List,
    Log,
    Refusal,
    Reply,
    Write,
)

HEARD_S = 0.5  # a host that takes longer to say that it read a cancel is held up
HELD_UP = "held up by a step"


Asking = Emit | Get | List | BlobPut | BlobGet | Answer | Chunk


@dataclass(slots=True)
class Flight:
    """A call in the host. `abandoned`: its outcome is told, but the host has not let go of it.

    `heard_s`: how long the host took to read its cancel; `was_alone`: nothing else was in the host then.
    """

    call: HostCall
    asks: Asks
    outcome: asyncio.Future[Outcome]
    deadline_at: float  # on the loop's clock
    cancelled_at: float | None = None
    reason: str = "deadline"
    heard_s: float | None = None
    was_alone: bool = True
    abandoned: bool = False

    def overdue(self, *, heard_s: float) -> Outcome:
        """What a cancelled call came to. A host that does not answer is held up, and not to be told by which of its
        calls: each is a suspect, run again alone and not charged. One that was alone did it itself."""
        if heard_s > HEARD_S and not self.was_alone:
            return HostLost(alone=False, exit=HELD_UP, stderr="")
        return TimedOut(self.call.deadline_s)


class Flights:
    """`on_freed`: a call left; `on_overdue`: one did not stop within the grace."""

    def __init__(
        self,
        *,
        send: Callable[[FromEngine], None],
        on_freed: Callable[[], None],
        on_overdue: Callable[[], None],
        grace_s: float,
    ) -> None:
        self._send = send
        self._on_freed = on_freed
        self._on_overdue = on_overdue
        self._grace_s = grace_s
        self._loop = asyncio.get_running_loop()
        self._flights: dict[int, Flight] = {}
        self._last_call = 0
        self._timer: asyncio.TimerHandle | None = None
        self._is_held_up = False
        self.idle_since = self._loop.time()

    def __len__(self) -> int:
        return len(self._flights)

    @property
    def only(self) -> int | None:
        """The call that is alone in the host."""
        return next(iter(self._flights)) if len(self._flights) == 1 else None

    # calls

    def call(self, call: HostCall, asks: Asks, *, deadline_at: float) -> asyncio.Future[Outcome]:
        """Send it; the future has its outcome. Whoever stops waiting calls `cancel` with the future."""
        outcome: asyncio.Future[Outcome] = self._loop.create_future()
        number = self._last_call = self._last_call + 1
        try:
            self._send(Call(number, call.step, call.kind, call.input, call.context))
        except FrameTooLarge as error:
            failed = Failed(number, "MessageTooLarge", str(error), retry="never")
            outcome.set_result(Threw(failed))
            self._loop.call_soon(self._on_freed)
            return outcome
        self._flights[number] = Flight(call, asks, outcome, deadline_at)
        self._watch(deadline_at)
        return outcome

    def cancel(self, outcome: asyncio.Future[Outcome], reason: str = "cancelled") -> None:
        """Nobody waits for it any more: ask the step to stop; if it does not, the host is retired."""
        for number, flight in self._flights.items():
            if flight.outcome is outcome and flight.cancelled_at is None:
                flight.reason = reason
                self._cancel(number, flight)

    def _cancel(self, number: int, flight: Flight) -> None:
        flight.cancelled_at = self._loop.time()
        flight.was_alone = len(self._flights) == 1
        self._send(Cancel(number, flight.reason))
        self._watch(flight.cancelled_at + self._grace_s)

    def _watch(self, at: float) -> None:
        """One timer for all calls: deadlines mostly come in order, so it is rarely set anew."""
        timer = self._timer
        if timer is not None:
            if timer.when() <= at:
                return
            timer.cancel()
        self._timer = self._loop.call_at(at, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        now = self._loop.time() + 0.001  # timers round down by a millisecond
        for number, flight in list(self._flights.items()):
            if flight.abandoned:
                continue
            if flight.cancelled_at is not None:
                if now >= flight.cancelled_at + self._grace_s:
                    self._abandon(flight)
            elif now >= flight.deadline_at:
                self._cancel(number, flight)
                if self._is_held_up:  # nothing is heard there any more: it gets another host
                    self._abandon(flight)
        waiting = [
            flight.deadline_at
            if flight.cancelled_at is None
            else flight.cancelled_at + self._grace_s
            for flight in self._flights.values()
            if not flight.abandoned
        ]
        if waiting:
            self._watch(min(waiting))

    def _abandon(self, flight: Flight) -> None:
        flight.abandoned = True
        self._is_held_up = self._is_held_up or flight.heard_s is None
        heard_s = math.inf if flight.heard_s is None else flight.heard_s
        self._settle(flight, flight.overdue(heard_s=heard_s))
        self._on_overdue()

    @property
    def are_awaited(self) -> bool:
        """Whether a call that somebody still waits for is in it."""
        return any(not flight.abandoned for flight in self._flights.values())

    # frames

    def done(self, frame: Done) -> None:
        self._leave(frame.call, Returned(frame.answer))

    def failed(self, frame: Failed) -> None:
        self._leave(frame.call, Threw(frame))

    def heard(self, frame: Heard) -> None:
        flight = self._flights.get(frame.call)
        if flight is not None and flight.cancelled_at is not None and flight.heard_s is None:
            flight.heard_s = self._loop.time() - flight.cancelled_at
            self._is_held_up = False

    def _leave(self, number: int, outcome: Outcome) -> None:
        flight = self._flights.pop(number, None)
        if flight is None:
            return
        if flight.cancelled_at is not None:
            outcome = flight.overdue(heard_s=self._heard_s(flight))
        self._settle(flight, outcome)
        if not self._flights:
            self.idle_since = self._loop.time()
        self._on_freed()

    def _heard_s(self, flight: Flight) -> float:
        """How long its cancel took to be read, or has not been read until now."""
        assert flight.cancelled_at is not None
        if flight.heard_s is not None:
            return flight.heard_s
        return self._loop.time() - flight.cancelled_at

    @staticmethod
    def _settle(flight: Flight, outcome: Outcome) -> None:
        if not flight.outcome.done():
            flight.outcome.set_result(outcome)

    def _asking(self, number: int) -> Flight | None:
        """The call that asks, unless it is over or cancelled: then what it still does counts for nothing."""
        flight = self._flights.get(number)
        return flight if flight is not None and flight.cancelled_at is None else None

    def emit(self, frame: Emit) -> None:
        if flight := self._asking(frame.call):
            with self._our_bugs(flight):
                self._answer(flight, frame, flight.asks.emit(frame))

    def get(self, frame: Get) -> None:
        if flight := self._asking(frame.call):
            with self._our_bugs(flight):
                self._answer(flight, frame, flight.asks.get(frame))

    def list(self, frame: List) -> None:
        if flight := self._asking(frame.call):
            with self._our_bugs(flight):
                self._answer(flight, frame, flight.asks.list(frame))

    def write(self, frame: Write) -> None:
        if flight := self._asking(frame.call):
            with self._our_bugs(flight):
                flight.asks.write(frame)

    def blob_put(self, frame: BlobPut) -> None:
        if flight := self._asking(frame.call):
            with self._our_bugs(flight):
                self._answer(flight, frame, flight.asks.blob_put(frame))

    def blob_get(self, frame: BlobGet) -> None:
        if flight := self._asking(frame.call):
            with self._our_bugs(flight):
                self._answer(flight, frame, flight.asks.blob_get(frame))

    def answer(self, frame: Answer) -> None:
        if flight := self._asking(frame.call):
            with self._our_bugs(flight):
                self._answer(flight, frame, flight.asks.answer(frame))

    def chunk(self, frame: Chunk) -> None:
        if flight := self._asking(frame.call):
            with self._our_bugs(flight):
                self._answer(flight, frame, flight.asks.chunk(frame))

    def log(self, frame: Log) -> bool:
        """False when its call is not, or no longer, in the host."""
        flight = None if frame.call is None else self._flights.get(frame.call)
        if flight is None:
            return False
        with self._our_bugs(flight):
            flight.asks.log(frame)
        return True

    def _answer(self, flight: Flight, frame: Asking, value: Any) -> None:
        if not hasattr(type(value), "__await__"):
            self._reply(frame, value)
            return

        async def wait() -> None:
            with self._our_bugs(flight):
                self._reply(frame, await value)

        def stop(_: object) -> None:
            task.cancel()

        task = self._loop.create_task(wait())
        flight.outcome.add_done_callback(stop)
        # One that streams for hours asks millions of times.
        task.add_done_callback(lambda _: flight.outcome.remove_done_callback(stop))

    def _reply(self, frame: Asking, value: Any) -> None:
        is_refused = isinstance(value, Refusal)
        refusal, value = (value, None) if is_refused else (None, value)
        self._send(Reply(frame.call, frame.ask, value, refusal))

    @contextlib.contextmanager
    def _our_bugs(self, flight: Flight) -> Any:
        """The engine's own exception goes to the engine, by the call's future, not into the transport."""
        try:
            yield
        except Exception as error:
            if not flight.outcome.done():
                flight.outcome.set_exception(error)

    # end

    def lose(self, *, exit: str, stderr: str, is_stopping: bool) -> None:
        """The host has ended."""
        if self._timer is not None:
            self._timer.cancel()
        waited_for = [flight for flight in self._flights.values() if not flight.abandoned]
        # One that we ended says nothing of the call that was in it.
        alone = len(self._flights) == 1 and not is_stopping
        for flight in waited_for:
            if flight.cancelled_at is not None:
                self._settle(flight, flight.overdue(heard_s=self._heard_s(flight)))
            else:
                self._settle(flight, HostLost(alone=alone, exit=exit, stderr=stderr))
        self._flights.clear()
