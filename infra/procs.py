"""Processes of the machine: who they are beyond a pid, who descends from whom, and how they are ended.

A pid alone may be someone else's by the time it is signalled; a start time and a pidfd cannot.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

LINUX = sys.platform.startswith("linux")
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Identity:
    """A process that can be told from a later one with the same pid."""

    pid: int
    started: str


def identify(pid: int) -> Identity | None:
    """The process that has this pid now; None when there is none (a zombie is none)."""
    if LINUX:
        stat = _stat(pid)
        return None if stat is None or stat[0] in "ZX" else Identity(pid, stat[19])
    found = subprocess.run(
        ["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return Identity(pid, found.stdout.strip()) if found.stdout.strip() else None


def _stat(pid: int) -> list[str] | None:
    """/proc/<pid>/stat from its third field on (state, ppid, …; [19] is the start time)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes().decode("utf-8", "replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"


def become_subreaper() -> bool:
    """From now on an orphan of ours becomes our child, so that nothing of ours outlives us unseen."""
    if not LINUX:
        return False
    return ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def descendants(of: Iterable[int]) -> list[Identity]:
    """Every living process below these, parents before children; these themselves are left out."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found: list[Identity] = []
    open_ones = list(of)
    seen = set(open_ones)
    while open_ones:
        for pid in children.get(open_ones.pop(), []):
            if pid not in seen:
                seen.add(pid)
                open_ones.append(pid)
                if identity := identify(pid):
                    found.append(identity)
    return found


def topmost(processes: Iterable[Identity]) -> list[Identity]:
    """Those of them that no other of them started."""
    given = list(processes)
    pids = {one.pid for one in given}
    parent_of = dict(_parents())

    def is_below_another(pid: int) -> bool:
        while (pid := parent_of.get(pid, 0)) > 1:
            if pid in pids:
                return True
        return False

    return [one for one in given if not is_below_another(one.pid)]


def _parents() -> list[tuple[int, int]]:
    if LINUX:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
        return [(pid, int(stat[1])) for pid in pids if (stat := _stat(pid))]
    listed = subprocess.run(
        ["/bin/ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=False
    )
    return [(int(pid), int(parent)) for pid, parent in map(str.split, listed.stdout.splitlines())]


def marked(key: str) -> list[Identity]:
    """Processes whose environment carries this place's mark: what was started in it, whoever its parent is."""
    if not LINUX:
        return []
    mark = f"WISTRO_UP={key}".encode()
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            environ = Path(f"/proc/{name}/environ").read_bytes()
        except OSError:
            continue
        if mark in environ.split(b"\0") and (identity := identify(int(name))):
            found.append(identity)
    return found


def send(identity: Identity, number: signal.Signals) -> bool:
    """Signal exactly this process; False when it is gone."""
    try:
        if not LINUX:
            if identify(identity.pid) != identity:
                return False
            os.kill(identity.pid, number)
            return True
        descriptor = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return False
    try:
        # The fd is of whoever has the pid now: only an unchanged start time makes it the one meant.
        if identify(identity.pid) != identity:
            return False
        signal.pidfd_send_signal(descriptor, number)
        return True
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        os.close(descriptor)


def end(
    victims: Iterable[Identity], *, grace_s: float, first: signal.Signals = signal.SIGTERM
) -> int:
    """Ask these to end, wait that long at most, then kill what is left; says how many had to be ended."""
    living = [victim for victim in victims if send(victim, first)]
    left = wait_gone(living, timeout_s=grace_s)
    for victim in left:
        send(victim, signal.SIGKILL)
    wait_gone(left, timeout_s=5)
    return len(living)


def wait_gone(victims: Iterable[Identity], *, timeout_s: float) -> list[Identity]:
    """Wait until these have ended; returns those that have not in time."""
    deadline = time.monotonic() + timeout_s
    left = []
    for victim in victims:
        if not _gone(victim, max(0.0, deadline - time.monotonic())):
            left.append(victim)
    return left


def _gone(victim: Identity, timeout_s: float) -> bool:
    if not LINUX:
        deadline = time.monotonic() + timeout_s
        while identify(victim.pid) == victim:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True
    try:
        descriptor = os.pidfd_open(victim.pid)
    except ProcessLookupError:
        return True
    try:
        if identify(victim.pid) != victim:
            return True
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(timeout_s * 1000))
    finally:
        os.close(descriptor)


async def exited(popen: subprocess.Popen[bytes]) -> int:
    """Wait for a child of ours to end, at once and on any event loop (pidfd), and reap it."""
    if not LINUX:
        return await asyncio.to_thread(popen.wait)
    if popen.poll() is not None:
        return popen.returncode
    try:
        descriptor = os.pidfd_open(popen.pid)
    except ProcessLookupError:
        return popen.wait()
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, lambda: over.done() or over.set_result(None))
    try:
        await over
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return popen.wait()


def reap_orphans(ours: Callable[[int], bool]) -> None:
    """Reap the adopted children that have ended; our own are left to whoever waits for them."""
    for pid, parent in _parents() if LINUX else []:
        stat = _stat(pid) if parent == os.getpid() else None
        if stat and stat[0] == "Z" and not ours(pid):
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
