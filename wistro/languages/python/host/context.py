"""What a handler is given: `ctx`, and `req` for endpoints. Works in async handlers (awaited) and sync ones (blocks)."""

from __future__ import annotations

import asyncio
import base64
import collections.abc
import concurrent.futures
import threading
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from wistro_sdk import Refused, Versioned

from .blobs import Blobs
from .emits import emit_rest
from .values import encode, encode_loosely

MOST_WRITES = 1_000  # wistro/protocol/frames.py
_now_us = time.time_ns


class Asked(collections.abc.Coroutine):
    """An answer to come. Awaited or not, the call waits for it before it ends, so no emit is lost."""

    __slots__ = ("_future", "_open", "_steps")

    def __init__(self, future, open_asks) -> None:
        self._future = future
        self._open = open_asks
        self._steps = None
        open_asks.add(self)

    def __await__(self):
        self._open.discard(self)
        return self._future.__await__()

    def send(self, value):  # what makes create_task(ctx.emit(…)) work
        if self._steps is None:
            self._steps = self.__await__()
        return self._steps.send(value)

    def throw(self, *error):
        if self._steps is None:
            self._steps = self.__await__()
        return self._steps.throw(*error)

    def close(self) -> None:
        if self._steps is not None:
            self._steps.close()


class _Landed:
    """The result of what needs no answer: may be awaited, need not be."""

    __slots__ = ()

    def __await__(self):
        return
        yield


LANDED = _Landed()


class Asker:
    """One call's questions to the engine, from whichever thread."""

    __slots__ = (
        "_last",
        "_lock",
        "_loop",
        "_number",
        "_send",
        "_waiting",
        "is_cancelled",
        "is_over",
        "open",
        "writes",
    )

    def __init__(self, number: int, send, loop) -> None:
        self._number = number
        self._send = send
        self._loop = loop
        self._last = 0
        self._waiting = {}
        self._lock = threading.Lock()
        self.open = set()  # asked by the handler and not awaited
        self.is_over = False
        self.is_cancelled = False
        self.writes = 0

    def tell(self, frame: bytes, rest: bytes, *, now: bool = False) -> None:
        """Send what needs no answer."""
        self._send(b'{"frame":"%s","call":%d%s}' % (frame, self._number, rest), now=now)

    def count_write(self) -> None:
        """The engine does not answer writes, so it is here that one too many is refused at its line."""
        with self._lock:
            if self.writes < MOST_WRITES:
                self.writes += 1
                return
        raise Refused(
            f"an attempt writes at most {MOST_WRITES:,} times to the state",
            code="state.too-many-writes",
            path=None,
            hint="Work on fewer at once: emit a message for each part, and let a step take one.",
        )

    def ask(self, frame: bytes, rest: bytes):
        """Send it. On the host's loop: an awaitable; under another loop too; else wait here for the answer."""
        if self.is_over:
            raise RuntimeError(
                "this attempt is over: emits and state need an attempt that still runs"
            )
        running = asyncio._get_running_loop()
        future = (
            self._loop.create_future() if running is self._loop else concurrent.futures.Future()
        )
        with self._lock:
            if self.is_cancelled:
                raise asyncio.CancelledError("this attempt was cancelled")
            ask = self._last = self._last + 1
            self._waiting[ask] = future
        try:
            self._send(b'{"frame":"%s","call":%d,"ask":%d%s}' % (frame, self._number, ask, rest))
        except BaseException:
            del self._waiting[ask]
            raise
        if running is self._loop:
            return Asked(future, self.open)
        if running is not None:
            return asyncio.wrap_future(future)
        return future.result()

    def answer(self, reply: dict) -> None:
        future = self._waiting.pop(reply["ask"], None)
        if future is None or future.done():
            return
        refusal = reply.get("refusal")
        if refusal is None:
            future.set_result(reply.get("value"))
        else:
            future.set_exception(
                Refused(
                    refusal["message"],
                    code=refusal["code"],
                    path=refusal.get("path"),
                    hint=refusal.get("hint"),
                )
            )

    def give_up(self) -> None:
        """The call was cancelled: the engine answers no more, so nobody may wait for it."""
        with self._lock:
            self.is_cancelled = True
            waiting = list(self._waiting.values())
        for future in waiting:
            if not future.done():
                future.cancel()


class Logger:
    __slots__ = ("_asker",)

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    def debug(self, message, fields=None) -> None:
        self._log("debug", message, fields)

    def info(self, message, fields=None) -> None:
        self._log("info", message, fields)

    def warn(self, message, fields=None) -> None:
        self._log("warn", message, fields)

    warning = warn

    def error(self, message, fields=None) -> None:
        self._log("error", message, fields)

    def _log(self, level, message, fields) -> None:
        self._asker.tell(b"log", log_rest(level, str(message), fields), now=True)


MAX_LINE = 64 * 1024


def log_rest(level: str, message: str, fields=None, source: str = "logger") -> bytes:
    if len(message) > MAX_LINE:
        message = message[:MAX_LINE] + " … (cut)"
    text = encode_loosely(message)
    more = b""
    if fields:
        kept = encode_loosely(fields if isinstance(fields, dict) else {"value": fields})
        if len(kept) > MAX_LINE:
            kept = b'{"cut":"the fields were over 64 KiB"}'
        more = b',"fields":' + kept
    return b',"at_us":%d,"level":"%s","message":%s%s,"source":"%s"' % (
        _now_us() // 1000,
        level.encode(),
        text,
        more,
        source.encode(),
    )


_WHATEVER = object()


class State:
    """Writes are held until the attempt commits; reads see the latest commit and the attempt's own writes."""

    __slots__ = ("_asker",)

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    def get(self, group, key):
        return self._asker.ask(b"get", b',"group":%s,"key":%s' % (_name(group), _name(key)))

    def get_versioned(self, group, key):
        """The value, and the version for `set(…, if_version=…)`."""
        rest = b',"group":%s,"key":%s,"versioned":true' % (_name(group), _name(key))
        found = self._asker.ask(b"get", rest)
        return _versioned_later(found) if hasattr(found, "__await__") else _versioned(found)

    def list(self, group):
        return self._asker.ask(b"list", b',"group":%s' % _name(group))

    def get_group(self, group):
        """Motia's spelling of what `list` gives: the values without their keys."""
        found = self.list(group)
        return _values_later(found) if hasattr(found, "__await__") else _values(found)

    def set(self, group, key, value, if_version=_WHATEVER):
        if if_version is _WHATEVER:
            return self._write(b"set", group, key, value)
        if not isinstance(if_version, str):
            raise TypeError(f"if_version is what get_versioned gave, a string, not {if_version!r}")
        return self._write(b"set", group, key, value, b',"if_version":' + encode(if_version))

    def delete(self, group, key):
        return self._write(b"delete", group, key)

    def clear(self, group):
        return self._write(b"clear", group, "")

    def update(self, group, key, op):
        """`{"set": v}`, `{"increment": n}`, `{"append": v}` or `{"merge": {…}}`."""
        if not isinstance(op, dict) or len(op) != 1:
            raise ValueError(f"{UPDATE}, not {op!r}")
        ((name, value),) = op.items()
        if name == "increment" and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise ValueError(f"increment takes a number, not {value!r}")
        if name == "merge" and not isinstance(value, dict):
            raise ValueError(f"merge takes an object, not {value!r}")
        if name not in ("set", "increment", "append", "merge"):
            raise ValueError(f"{UPDATE}, not `{name}`")
        return self._write(name.encode(), group, key, value)

    def _write(self, op, group, key, value=None, more=b""):
        if self._asker.is_over:
            raise RuntimeError(
                "this attempt is over: emits and state need an attempt that still runs"
            )
        rest = b',"op":"%s","group":%s,"key":%s,"value":%s'
        rest %= (op, _name(group), _name(key), encode(value))
        self._asker.count_write()
        self._asker.tell(b"write", rest + more)
        return LANDED


async def _versioned_later(found):
    return _versioned(await found)


def _versioned(found):
    return Versioned(found["value"], found["version"])


async def _values_later(found):
    return _values(await found)


def _values(pairs):
    return [value for _, value in pairs]


UPDATE = "update takes one of {'set': …}, {'increment': …}, {'append': …}, {'merge': …}"


def _name(value) -> bytes:
    if not isinstance(value, str):
        raise TypeError(f"groups and keys of the state are strings, not {value!r}")
    return encode(value)


class Context:
    """`context` is the Call frame's; `env` the declared variables."""

    __slots__ = ("_asker", "_context", "blobs", "cancelled", "env", "logger", "state")

    def __init__(self, context: dict, asker: Asker, env) -> None:
        self._context = context
        self._asker = asker
        self.env = env
        self.logger = Logger(asker)
        self.state = State(asker)
        self.blobs = Blobs(asker)
        self.cancelled = threading.Event()

    def emit(self, event):
        """Check and hold one message; raises Refused at this line when it does not fit."""
        return self._asker.ask(b"emit", emit_rest(event)) or LANDED

    @property
    def run_id(self):
        return self._context["run_id"]

    @property
    def trace_id(self):
        return self._context["trace_id"]

    @property
    def traceparent(self):
        return self._context.get("traceparent", "")

    @property
    def tracestate(self):
        return self._context.get("tracestate", "")

    @property
    def now(self):
        return _moment(self._context["now_us"])

    @property
    def deadline(self):
        return _moment(self._context["deadline_us"])

    @property
    def attempt(self):
        return self._context["attempt"]

    @property
    def idempotency_key(self):
        return self._context["idempotency_key"]

    @property
    def flows(self):
        return self._context.get("flows", [])

    @property
    def topic(self):
        return self._context.get("topic")

    @property
    def auth(self):
        return self._context.get("auth")


def _moment(at_us: int) -> datetime:
    whole, rest = divmod(at_us, 1_000_000)
    return datetime.fromtimestamp(whole, timezone.utc).replace(microsecond=rest)  # noqa: UP017  3.10 too


class Request(collections.abc.Mapping):
    """An endpoint's input by attribute or by key; Motia's camelCase keys are read too."""

    __slots__ = ("_raw", "_raw_path", "_values")
    NAMES = ("method", "path", "path_params", "query_params", "headers", "body", "raw_body")
    ALIASES = {"pathParams": "path_params", "queryParams": "query_params", "rawBody": "raw_body"}

    def __init__(self, request: dict) -> None:
        self._raw = request.get("raw_body_base64", "")
        self._raw_path = request.get("raw_body_path", "")
        self._values: dict[str, Any] = {
            "method": request["method"],
            "path": request["path"],
            "path_params": request.get("path_params", {}),
            "query_params": request.get("query_params", {}),
            "headers": request.get("headers", {}),
            "body": request.get("body"),
        }

    def __getitem__(self, name: str):
        name = self.ALIASES.get(name, name)
        if name == "raw_body" and name not in self._values:
            path = self._raw_path
            self._values[name] = Path(path).read_bytes() if path else base64.b64decode(self._raw)
        return self._values[name]

    def __getattr__(self, name):
        if name in self.NAMES or name in self._values:
            return self[name]
        raise AttributeError(f"a request has no `{name}`; it has {', '.join(self.NAMES)}")

    def __setitem__(self, name: str, value) -> None:
        """For middleware: what it found out goes on to the handler."""
        self._values[self.ALIASES.get(name, name)] = value

    def __iter__(self):
        return iter(dict.fromkeys((*self.NAMES, *self._values)))

    def __len__(self) -> int:
        return len({*self.NAMES, *self._values})

    def __repr__(self) -> str:
        return f"<Request {self['method']} {self['path']}>"
