"""Run by the project's own Python: imports each step file in a fresh fork and says what its `config` is.

Standard library only, and nothing of wistro's. One JSON request on stdin; one JSON line an answer on the
stdout that it was started with. What a step prints while it is imported is caught.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
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
    def __init__(self, request: dict, out) -> None:
        self._root = request["root"]
        # Before the forks: each would read and compile them again.
        self._step = _load("wistro_describe_step", HERE / "describe_step.py")
        self._step.types()
        self._step.note_foreign(self._root)
        gc.freeze()  # a collection in a child would copy every page
        self._describing = _load("wistro_describing", HERE.parent / "describing.py")
        self._children = self._describing.Children(
            request["files"],
            start=self._fork,
            say=lambda answer: _say(out, answer),
            parallel=request["parallel"],
            timeout_s=request["timeout_s"],
        )

    def run(self) -> None:
        self._children.run()

    def _fork(self, file: str) -> tuple[int, int]:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid:
            os.close(writing)
            self._describing.lead_group(pid)
            return reading, pid
        try:
            self._describing.lead_group(0)
            os.close(reading)
            self._children.close_pipes()
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            self._answer(file, writing)
        finally:
            os._exit(1)

    def _answer(self, file: str, writing: int) -> None:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        try:
            text = json.dumps(self._step.describe(self._root, file), allow_nan=False)
        except ValueError as error:
            text = json.dumps(self._step.problem("lock.config", str(error), 1))
        sent = memoryview(text.encode("utf-8", "backslashreplace"))
        while sent:
            sent = sent[os.write(writing, sent) :]


def _load(name: str, path: Path):
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(name, path)
    assert spec and spec.loader
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _say(out, value: dict) -> None:
    out.write(json.dumps(value) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
