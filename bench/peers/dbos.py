"""DBOS with PostgreSQL: a workflow of two steps, the endpoint under uvicorn."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.peers.peer import PROJECTS, Peer, Run, Started, pip

VERSION = "3.4.0"


def install(home: Path) -> None:
    pip(home, f"dbos=={VERSION}", "uvicorn==0.38.0", "uvloop>=0.21", "httptools>=0.6")


def start(run: Run) -> Started:
    from infra import embedded
    from infra.place import Place, Ports
    from infra.ports import free_ports

    shutil.copytree(PROJECTS / "dbos", run.folder, dirs_exist_ok=True)
    place = Place(data=run.folder / "store", ports=Ports(*free_ports(4)))
    place.make_folders()
    embedded.prepare_postgres(place)
    run.start(embedded.postgres_command(place), cwd=run.folder)
    _created(run, embedded.superuser(place, "postgres"))
    (port,) = free_ports(1)
    python = str(run.home / "venv" / "bin" / "python")
    url = embedded.superuser(place, "bench")
    run.start([python, "server.py", str(port)], cwd=run.folder, env={"BENCH_POSTGRES": url})
    run.wait_port(port)
    return Started(port)


def _created(run: Run, url: str) -> None:
    import time

    import psycopg

    until = time.monotonic() + 30
    while True:
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE DATABASE bench")
            return
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise SystemExit(f"PostgreSQL did not start:\n{run.log()}") from None
            time.sleep(0.1)


DBOS = Peer("DBOS", VERSION, "yes", install, start, rate=10)
