"""What E4 compares a reload to: uvicorn with the watcher that its own extra brings."""

from __future__ import annotations

from pathlib import Path

from bench.peers.peer import Peer, Run, Started, pip

UVICORN_VERSION = "0.35.0"


def install_uvicorn(home: Path) -> None:
    pip(home, f"uvicorn[standard]=={UVICORN_VERSION}")


def start_uvicorn(run: Run) -> Started:
    raise AssertionError("it serves one answer and no steps: E4 alone starts it")


UVICORN = Peer("uvicorn --reload", UVICORN_VERSION, "no", install_uvicorn, start_uvicorn)
