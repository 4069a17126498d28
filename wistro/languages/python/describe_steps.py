"""Run by the project's own Python: imports each step file in a fresh fork and says what its `config` is.

Standard library only, and nothing of wistro's. One JSON request on stdin; one JSON line an answer on the
stdout that it was started with. What a step prints while it is imported is caught.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import selectors
import signal
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    request = json.loads(sys.stdin.buffer.read())
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    # Not on sys.path: names of ours must not be importable by a step, nor counted among its files.
    sys.path[:] = [path for path in sys.path if path and Path(path).resolve() != HERE]
    isolated = _load("wistro_isolate", HERE.parent / "isolate.py").cut_network()
    sys.path[:0] = request["path"]
    sys.path.append(str(HERE / "sdk"))
    os.chdir(request["root"])
    time.tzset()
    _say(out, {"isolated": isolated, "python": ".".join(map(str, sys.version_info[:3]))})
    for name in request["preload"]:
        with contextlib.suppress(BaseException):  # the step that imports it will say so
            __import__(name)
    _Forks(request, out).run()


class _Forks:
    """At most `parallel` children at once; each has `timeout_s` and a pipe for its answer."""

    def __init__(self, request: dict, out) -> None:
        self._request = request
        self._out = out
        self._waiting = list(reversed(request["files"]))
        self._selector = selectors.DefaultSelector()
        self._answers: dict[int, bytearray] = {}

    def run(self) -> None:
        live: dict[int, tuple[int, str, float]] = {}  # pipe -> pid, file, deadline
        while self._waiting or live:
            while self._waiting and len(live) < self._request["parallel"]:
                file = self._waiting.pop()
                pipe, pid = self._fork(file)
                live[pipe] = (pid, file, time.monotonic() + self._request["timeout_s"])
                self._answers[pipe] = bytearray()
                self._selector.register(pipe, selectors.EVENT_READ)
            soonest = min(deadline for _, _, deadline in live.values())
            for key, _ in self._selector.select(max(0.0, soonest - time.monotonic())):
                chunk = os.read(key.fd, 1 << 16)
                self._answers[key.fd] += chunk
                if not chunk:
                    pid, file, _ = live.pop(key.fd)
                    self._finish(key.fd, pid, file, late=False)
            for pipe in [one for one, (_, _, at) in live.items() if at <= time.monotonic()]:
                pid, file, _ = live.pop(pipe)
                os.killpg(pid, signal.SIGKILL)
                self._finish(pipe, pid, file, late=True)

    def _fork(self, file: str) -> tuple[int, int]:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid:
            os.close(writing)
            _lead_group(pid)
            return reading, pid
        try:
            _lead_group(0)
            os.close(reading)
            self._selector.close()
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            self._answer(file, writing)
        finally:
            os._exit(0)

    def _answer(self, file: str, writing: int) -> None:
        caught = os.memfd_create("caught") if hasattr(os, "memfd_create") else _temporary()
        os.dup2(caught, 1)
        os.dup2(caught, 2)
        describe = _load("wistro_describe_step", HERE / "describe_step.py")
        try:
            answer = describe.describe(self._request["root"], file)
            text = json.dumps(answer, allow_nan=False)
        except ValueError as error:
            text = json.dumps(describe.problem("lock.config", str(error), 1))
        sent = memoryview(text.encode("utf-8", "backslashreplace"))
        while sent:
            sent = sent[os.write(writing, sent) :]

    def _finish(self, pipe: int, pid: int, file: str, *, late: bool) -> None:
        self._selector.unregister(pipe)
        os.close(pipe)
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)  # what the step may have started
        _, status = os.waitpid(pid, 0)
        answer = bytes(self._answers.pop(pipe))
        if late:
            found = {"late": True}
        elif answer:
            found = json.loads(answer)
        else:
            found = {"died": os.waitstatus_to_exitcode(status)}
        _say(self._out, found | {"file": file})


def _lead_group(pid: int) -> None:
    """Parent and child both say so: whichever comes first."""
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)


def _temporary() -> int:
    import tempfile

    return tempfile.TemporaryFile().fileno()


def _load(name: str, path: Path):
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(name, path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _say(out, value: dict) -> None:
    out.write(json.dumps(value) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
