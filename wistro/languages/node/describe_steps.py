"""Run by wistro's Python: starts a fresh node a built step file, off the network, and passes on what each says.

Standard library only. One JSON request on stdin, one JSON line an answer on stdout.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    request = json.loads(sys.stdin.buffer.read())
    isolated = _load("wistro_isolate", HERE.parent / "isolate.py").cut_network()
    describing = _load("wistro_describing", HERE.parent / "describing.py")
    command = [request["node"], "--enable-source-maps"]
    if (
        isolated == "sockets"
    ):  # a namespace would hold for node as well; this process's sockets do not
        command += ["--require", str(HERE / "describe_offline.cjs")]
    command.append(str(HERE / "describe_step.mjs"))

    def start(file: str) -> tuple[int, int]:
        reading, writing = os.pipe()
        child = subprocess.Popen(
            [*command, str(writing), request["root"], file, request["built"][file]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(writing,),
            start_new_session=True,
            cwd=request["root"],
        )
        os.close(writing)
        child.returncode = 0  # describing.py reaps it
        return reading, child.pid

    _say({"isolated": isolated})
    describing.Children(
        request["files"],
        start=start,
        say=_say,
        parallel=request["parallel"],
        timeout_s=request["timeout_s"],
    ).run()


def _load(name: str, path: Path):
    spec = spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _say(value: dict) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
