"""A child a file, some at once, each with its time: how step files are described. Standard library only.

Loaded by path into a project's own Python, so nothing of wistro's is imported here.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import time


class Children:
    """`start(file)` gives (reading end of a pipe, pid) of a child that leads its own process group.

    `say` gets each answer: the JSON that the child wrote, or {"late": true}, or {"died": exit}.
    """

    def __init__(self, files, *, start, say, parallel: int, timeout_s: float) -> None:
        self._waiting = list(reversed(files))
        self._start = start
        self._say = say
        self._parallel = parallel
        self._timeout_s = timeout_s
        self._selector = selectors.DefaultSelector()
        self._answers: dict[int, bytearray] = {}
        self._live: dict[int, tuple] = {}  # pipe -> pid, file, deadline

    def run(self) -> None:
        while self._waiting or self._live:
            while self._waiting and len(self._live) < self._parallel:
                self._begin(self._waiting.pop())
            soonest = min(deadline for _, _, deadline in self._live.values())
            for key, _ in self._selector.select(max(0.0, soonest - time.monotonic())):
                chunk = os.read(key.fd, 1 << 16)
                self._answers[key.fd] += chunk
                if not chunk:
                    self._finish(key.fd, late=False)
            now = time.monotonic()
            for pipe in [one for one, (_, _, at) in self._live.items() if at <= now]:
                self._finish(pipe, late=True)

    def close_pipes(self) -> None:
        """In a forked child: the other children's pipes are not its own."""
        self._selector.close()
        for pipe in self._live:
            os.close(pipe)

    def _begin(self, file: str) -> None:
        pipe, pid = self._start(file)
        self._live[pipe] = (pid, file, time.monotonic() + self._timeout_s)
        self._answers[pipe] = bytearray()
        self._selector.register(pipe, selectors.EVENT_READ)

    def _finish(self, pipe: int, *, late: bool) -> None:
        pid, file, _ = self._live.pop(pipe)
        self._selector.unregister(pipe)
        os.close(pipe)
        answer = bytes(self._answers.pop(pipe))
        if late or answer:
            _kill(pid)
            os.waitpid(pid, 0)
            self._say((json.loads(answer) if not late else {"late": True}) | {"file": file})
        else:
            # It closed its pipe without a word: it has ended, or is about to.
            _, status = os.waitpid(pid, 0)
            _kill(pid)
            self._say({"died": os.waitstatus_to_exitcode(status), "file": file})


def lead_group(pid: int) -> None:
    """Parent and child both say so: whichever comes first."""
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)


def _kill(pid: int) -> None:
    """The child and what the step may have started."""
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
