"""The loop: frames in, handlers run, frames out."""

from __future__ import annotations

import asyncio
import contextvars
import faulthandler
import functools
import inspect
import os
import platform
import signal
import sys
import threading
import time
import types
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import thread as _imported_before_a_project_can_shadow_it  # noqa: F401

from .answers import answer_of
from .channel import Channel, FrameTooLarge
from .context import Asker, Context, Request, log_rest
from .failures import failed_rest
from .middleware import through
from .output import attribute_output, current
from .steps import Loaded, Steps
from .streams import Stream, streamed_of
from .values import encode

PROTOCOL = 1
SOCKET = 3
THREADS = 32


class Attempt:
    """One call: its context, its handler's task or thread, and what it printed of an unfinished line."""

    __slots__ = ("asker", "context", "is_cancelled", "number", "partial", "task")

    def __init__(self, number: int, context: Context, asker: Asker) -> None:
        self.number = number
        self.context = context
        self.asker = asker
        self.partial: dict[str, str] = {}
        self.task: asyncio.Future | None = None
        self.is_cancelled = False

    @property
    def is_over(self) -> bool:
        return self.asker.is_over

    def log(self, level: str, message: str, *, source: str) -> None:
        self.asker.tell(b"log", log_rest(level, message, source=source), now=True)

    def end(self, frame: bytes, rest: bytes) -> None:
        """Say how it went, once; nothing of it leaves afterwards."""
        for source, text in self.partial.items():
            if text:
                self.log("info" if source == "stdout" else "warn", text, source=source)
        self.asker.tell(frame, rest)
        self.asker.is_over = True


class Host:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._channel = Channel(SOCKET, loop, self._take)
        self._attempts: dict[int, Attempt] = {}
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="wistro-step")
        self._root = ""
        self._env = types.MappingProxyType({})
        self._steps = Steps("", {})
        self._pid = os.getpid()
        self._is_stopping = False
        self._eager = {"eager_start": True} if sys.version_info >= (3, 14) else {}

    def run(self) -> None:
        self._channel.start()
        while not self._is_stopping:
            try:
                self._loop.run_forever()
            except (SystemExit, KeyboardInterrupt) as error:  # of a task that a step left behind
                print(f"{type(error).__name__} in a task of no call", file=sys.stderr)

    # frames

    def _take(self, frame: dict) -> None:
        kind = frame["frame"]
        if kind == "call":
            self._call(frame)
        elif kind == "reply":
            if attempt := self._attempts.get(frame["call"]):
                attempt.asker.answer(frame)
        elif kind == "cancel":
            if attempt := self._attempts.get(frame["call"]):
                self._cancel(attempt)
        elif kind == "hello":
            self._hello(frame)
        elif kind == "stop":
            self._stop(frame["grace_s"])

    def _hello(self, frame: dict) -> None:
        self._root = frame["root"]
        self._env = types.MappingProxyType(frame["env"])
        os.environ.update(frame["env"])
        if "TZ" in frame["env"]:
            time.tzset()
        self._steps = Steps(self._root, frame["steps"])
        self._steps.importable()
        ready = {
            "frame": "ready",
            "protocol": PROTOCOL,
            "language": "python",
            "runtime": platform.python_version(),
            "pid": os.getpid(),
        }
        self._channel.send(encode(ready))

    def _call(self, frame: dict) -> None:
        number = frame["call"]
        asker = Asker(number, self._channel.send, self._loop)
        attempt = Attempt(number, Context(frame["context"], asker, self._env), asker)
        self._attempts[number] = attempt
        scope = contextvars.copy_context()
        scope.run(current.set, attempt)
        # A task of our own: whatever the handler raises, SystemExit included, ends in `_run`.
        attempt.task = scope.run(self._loop.create_task, self._run(attempt, frame))

    def _cancel(self, attempt: Attempt) -> None:
        attempt.asker.tell(b"heard", b"", now=True)
        attempt.is_cancelled = True
        attempt.context.cancelled.set()
        attempt.asker.give_up()
        if attempt.task is not None:
            attempt.task.cancel()

    def _stop(self, grace_s: float) -> None:
        self._is_stopping = True
        if not self._attempts:
            self._loop.stop()
        else:
            self._loop.call_later(grace_s, self._loop.stop)

    # one call

    async def _run(self, attempt: Attempt, frame: dict) -> None:
        try:
            rest = await self._handle(attempt, frame)
            kind = b"done"
        except BaseException as error:
            kind, rest = b"failed", failed_rest(error, self._root)
            error.__traceback__ = None  # frees the handler's locals now
        if os.getpid() != self._pid:  # a child that a handler forked and let return
            os._exit(0)
        try:
            attempt.end(kind, rest)
        except FrameTooLarge as error:
            attempt.end(b"failed", failed_rest(error, self._root))
        del self._attempts[attempt.number]
        if self._is_stopping and not self._attempts:
            self._loop.stop()

    async def _handle(self, attempt: Attempt, frame: dict) -> bytes:
        step = self._steps.get(frame["step"])
        kind, context = frame["kind"], attempt.context
        value = Request(frame["input"]) if kind == "api" else frame.get("input")
        arguments = (value, context)
        if kind == "cron":
            arguments = (context,) if step.takes < 2 else (None, context)
        if kind == "api" and step.middleware:
            handle = functools.partial(self._returned, step, arguments[: step.takes])
            answer = await through(step.middleware, value, context, handle)
        else:
            answer = await self._returned(step, arguments[: step.takes])
        rest = await self._answered(attempt, answer) if kind == "api" else b""
        while attempt.asker.open:  # emits that the handler did not await
            await attempt.asker.open.pop()
        return rest

    async def _returned(self, step: Loaded, arguments):
        if step.is_async:
            return await step.handler(*arguments)
        answer = await self._in_thread(step.handler, arguments)
        return await answer if inspect.isawaitable(answer) else answer

    async def _answered(self, attempt: Attempt, answer) -> bytes:
        """The rest of Done."""
        streamed = streamed_of(answer)
        if streamed is None:
            return b',"answer":' + encode(answer_of(answer))
        stream = Stream(attempt.asker, *streamed, attempt.context.run_id)
        if stream.is_async:
            return await stream.send()
        return await self._in_thread(stream.send_now, ())

    async def _in_thread(self, handler, arguments):
        """A thread cannot be cancelled: the call lasts until its handler returns, unless it has not begun."""
        scope = contextvars.copy_context()
        begun = self._threads.submit(scope.run, _call_in_thread, handler, arguments, self._pid)
        returned = asyncio.wrap_future(begun)
        try:
            return await asyncio.shield(returned)
        except asyncio.CancelledError:
            if not begun.cancel():
                await asyncio.wait([returned])
            raise


def _call_in_thread(handler, arguments, pid: int):
    try:
        return handler(*arguments)
    except StopIteration as error:  # a Future cannot carry it
        raise RuntimeError("handler raised StopIteration") from error
    finally:
        if os.getpid() != pid:
            os._exit(0)


def main() -> None:
    faulthandler.enable(all_threads=False)  # a crash says where, on stderr
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    attribute_output()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    host = Host(loop)
    host.run()
    host._channel.flush()
    _end(loop)


def _end(loop: asyncio.AbstractEventLoop) -> None:
    """Normal exit, so that atexit hooks run; threads that still work do not keep the process."""
    sys.stdout.flush()
    stuck = [
        one
        for one in threading.enumerate()
        if not one.daemon and one is not threading.main_thread()
    ]
    if any(one.name.startswith("wistro-step") for one in stuck):
        import atexit

        atexit._run_exitfuncs()
        os._exit(0)
