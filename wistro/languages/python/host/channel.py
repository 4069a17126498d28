"""Frames over the inherited socket. Sending works from any thread; a turn's frames leave in one send."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import struct
import threading

from .values import decode

MAX_FRAME_BYTES = 16 * 1024 * 1024
HIGH_WATER_BYTES = 1024 * 1024  # from here on a sender waits until the engine has read
_length_at = struct.Struct(">I").unpack_from
_length = struct.Struct(">I").pack


class FrameTooLarge(Exception):
    """What was to be sent is over 16 MiB."""


class Channel:
    """`on_frame` gets each frame as a dict, on the loop; the process ends when the engine closes its end."""

    def __init__(self, fd: int, loop: asyncio.AbstractEventLoop, on_frame) -> None:
        self._socket = socket.socket(fileno=fd)
        self._socket.setblocking(False)
        os.set_inheritable(fd, False)
        self._fd = fd
        self._loop = loop
        self._loop_thread = threading.get_ident()
        self._on_frame = on_frame
        self._held = bytearray()
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._lock = threading.RLock()  # of what leaves; re-entered when a signal handler prints
        self._flush_is_due = False
        self._is_open = True

    def start(self) -> None:
        self._loop.add_reader(self._fd, self._read)
        os.register_at_fork(after_in_child=self._leave_to_parent)
        threading.Thread(target=self._end_with_engine, name="wistro-engine", daemon=True).start()

    # out

    def send(self, body: bytes, *, now: bool = False) -> None:
        """Queue a frame; `now` for what must be out before the step's next line can crash the process."""
        if len(body) > MAX_FRAME_BYTES:
            raise FrameTooLarge(f"{len(body):,} bytes; at most {MAX_FRAME_BYTES:,} fit")
        with self._lock:
            self._out.append(_length(len(body)))
            self._out.append(body)
            self._out_bytes += len(body) + 4
            if now or self._out_bytes > HIGH_WATER_BYTES:
                self._flush(wait=self._out_bytes > HIGH_WATER_BYTES)
            elif not self._flush_is_due:
                self._flush_is_due = True
                if threading.get_ident() == self._loop_thread:
                    self._loop.call_soon(self._flush_due)
                else:
                    self._loop.call_soon_threadsafe(self._flush_due)

    def _flush_due(self) -> None:
        with self._lock:
            self._flush_is_due = False
            self._flush(wait=False)

    def _flush(self, *, wait: bool) -> None:
        """Send what is queued; the engine always reads, so waiting for it ends."""
        if not self._out or not self._is_open:
            self._out.clear()
            self._out_bytes = 0
            return
        left = memoryview(b"".join(self._out))
        while left:
            try:
                left = left[self._socket.send(left) :]
            except (BlockingIOError, InterruptedError):
                if not wait:
                    break
                select.select([], [self._fd], [])
            except OSError:  # the engine is gone; the reader notices too
                left = left[len(left) :]
        self._out[:] = [bytes(left)] if left else []
        self._out_bytes = len(left)
        if left and not self._flush_is_due:
            self._flush_is_due = True
            self._loop.call_soon_threadsafe(self._loop.add_writer, self._fd, self._writable)

    def _writable(self) -> None:
        self._loop.remove_writer(self._fd)
        self._flush_due()

    def flush(self) -> None:
        with self._lock:
            self._flush(wait=True)

    # in

    def _read(self) -> None:
        try:
            data = self._socket.recv(256 * 1024)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            os._exit(1)
        if self._held:
            self._held += data
            if len(self._held) < 4 or len(self._held) - 4 < _length_at(self._held, 0)[0]:
                return
            data = bytes(self._held)
        rest = self._take_frames(data)
        self._held = bytearray(data[rest:])

    def _take_frames(self, data: bytes) -> int:
        at, end = 0, len(data)
        while end - at >= 4:
            stop = at + 4 + _length_at(data, at)[0]
            if stop > end:
                break
            self._on_frame(decode(data[at + 4 : stop]))
            at = stop
        return at

    # ends

    def _end_with_engine(self) -> None:
        """Also while a step holds up the loop: a dead engine's host must not run on."""
        poll = select.poll()
        poll.register(self._fd, 0)  # hang-up is always reported
        poll.poll()
        if self._is_open:
            os._exit(1)

    def _leave_to_parent(self) -> None:
        """A forked child must not speak for its parent."""
        self._is_open = False
        self._lock = threading.RLock()  # another thread may have held it
        self._socket.close()
