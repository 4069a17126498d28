"""Run one command of a build in a sandbox: its output as lines, its result from descriptor 3, its end awaited."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

from runner.builder.problems import TooSlow
from runner.sandbox import Limits, Network, SandboxLauncher
from wistro.hosts.port import Launch, Launched

_LONGEST_LINE = 8 << 10
_LARGEST_RESULT = 32 << 20
_DRAIN_S = 5.0
_CHUNK = 64 << 10


@dataclass(frozen=True)
class Ended:
    """How it ended, and what it wrote to descriptor 3."""

    exit: int
    result: bytes


@dataclass(frozen=True)
class Command:
    """What to run with which rights. `on_line` gets stdout and stderr together, as they come."""

    launch: Launch
    network: Network
    limits: Limits
    timeout_s: float
    on_line: Callable[[str], None]


async def run(launcher: SandboxLauncher, command: Command) -> Ended:
    """Wait for the command's end; raises TooSlow. When cancelled the sandbox is killed before this returns."""
    output, output_end = os.pipe()
    result, result_end = os.pipe()
    fds = {1: output_end, 2: output_end, 3: result_end}
    readers: list[asyncio.Task[bytes]] = []
    launched: Launched | None = None
    try:
        launched = await asyncio.to_thread(
            launcher.launch,
            replace(command.launch, fds=fds),
            network=command.network,
            limits=command.limits,
        )
        for end in (output_end, result_end):
            os.close(end)
        output_end = result_end = -1
        readers = [
            asyncio.create_task(_lines(output, command.on_line)),
            asyncio.create_task(_all(result)),
        ]
        async with asyncio.timeout(command.timeout_s):
            await _readable(launched.pidfd)
        exit = await asyncio.to_thread(_exit_code, launched)
        await asyncio.to_thread(launcher.kill, launched)  # before draining: nobody holds the pipes
        async with asyncio.timeout(_DRAIN_S):
            _, written = await asyncio.gather(*readers)
        return Ended(exit, written)
    except TimeoutError as error:
        what = f"{command.launch.label} took longer than {command.timeout_s:g} s"
        raise TooSlow(what) from error
    finally:
        if launched is not None:
            await asyncio.shield(asyncio.to_thread(launcher.kill, launched))
            os.close(launched.pidfd)
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        for descriptor in (output, result, output_end, result_end):
            if descriptor >= 0:
                os.close(descriptor)


def _exit_code(launched: Launched) -> int:
    ended = os.waitid(os.P_PIDFD, launched.pidfd, os.WEXITED | os.WNOWAIT)
    if ended is None:
        return -1
    return ended.si_status if ended.si_code == os.CLD_EXITED else 128 + ended.si_status


async def _lines(descriptor: int, on_line: Callable[[str], None]) -> bytes:
    """Whole lines as they come; one that never ends is cut."""
    kept = b""
    async for chunk in _chunks(descriptor):
        *whole, kept = (kept + chunk).split(b"\n")
        for line in whole:
            on_line(_text(line))
        while len(kept) > _LONGEST_LINE:
            on_line(_text(kept[:_LONGEST_LINE]))
            kept = kept[_LONGEST_LINE:]
    if kept:
        on_line(_text(kept))
    return b""


def _text(line: bytes) -> str:
    """What a terminal would show last of a line that was drawn over; no control characters."""
    last = line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace")
    return "".join(letter for letter in last if letter >= " " or letter == "\t")[:_LONGEST_LINE]


async def _all(descriptor: int) -> bytes:
    found = bytearray()
    async for chunk in _chunks(descriptor):
        if len(found) <= _LARGEST_RESULT:
            found += chunk
    return bytes(found) if len(found) <= _LARGEST_RESULT else b""


async def _chunks(descriptor: int) -> AsyncIterator[bytes]:
    os.set_blocking(descriptor, False)
    while True:
        await _readable(descriptor)
        with contextlib.suppress(BlockingIOError):
            chunk = os.read(descriptor, _CHUNK)
            if not chunk:
                return
            yield chunk


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
