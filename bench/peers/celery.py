"""Celery with Redis: prefork workers, the endpoint under uvicorn."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.peers.peer import PROJECTS, Peer, Run, Started, pip

VERSION = "5.7.0"


def install(home: Path) -> None:
    pip(home, f"celery[redis]=={VERSION}", "uvicorn==0.38.0", "uvloop>=0.21", "httptools>=0.6")


def start(run: Run) -> Started:
    from infra.ports import free_ports

    shutil.copytree(PROJECTS / "celery", run.folder, dirs_exist_ok=True)
    redis = f"redis://127.0.0.1:{run.valkey()}/0"
    (port,) = free_ports(1)
    bin = run.home / "venv" / "bin"
    env = {"BENCH_REDIS": redis}
    worker = [str(bin / "celery"), "-A", "steps", "worker", "--loglevel=WARNING", "--pool=prefork"]
    run.start([*worker, "--concurrency=2"], cwd=run.folder, env=env)
    server = [str(bin / "uvicorn"), "server:app", "--port", str(port), "--log-level", "error"]
    run.start([*server, "--lifespan", "off"], cwd=run.folder, env=env)
    run.wait_port(port)
    return Started(port)


CELERY = Peer("Celery + Redis", VERSION, "no", install, start)
