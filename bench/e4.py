"""E4, start and reload: `wistro dev` from its start to the first served request, and from an edit to its answer.

`python -m bench.e4 [--rounds 5] [--peers] [--short]`. Goals: start <= 1 s Python, <= 1.5 s with TypeScript; reload <= 300 ms.
Cold: nothing compiled before (esbuild is installed); warm: unchanged since the last start. Beside it what cannot be
gone below, the same server's bare parts; with `--peers` also `motia dev`, its Redis up already, and `uvicorn --reload`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.peers.node import MOTIA, MOTIA_ENV, lay_motia, motia, motia_port
from bench.peers.peer import Run, installed
from bench.peers.python import UVICORN
from bench.report import machine, median, table
from bench.systems import HERE, ROOT, SCRATCH, end_group, free_port

WAIT_S = 60.0
LOOK_EVERY_S = 0.005
SUFFIX = {"python": "py", "node": "ts", "mixed": "py"}
GOALS = {  # milliseconds: a start, a reload
    "wistro dev (python)": ("1,000", "300"),
    "wistro dev (node)": ("1,500", "300"),
    "wistro dev (mixed)": ("1,500", "300"),
}
ANSWER = {"py": '"body": {}', "ts": "body: {}"}
APP = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})
"""


@dataclass
class Times:
    """Milliseconds, one a round."""

    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    reload: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--short", action="store_true", help="one round of each")
    parser.add_argument("--peers", action="store_true", help="other systems too")
    options = parser.parse_args()
    rounds = 1 if options.short else options.rounds
    found: dict[str, Times] = {}
    with tempfile.TemporaryDirectory(prefix="wistro-bench-") as scratch:
        places = {steps: prepare(steps, Path(scratch)) for steps in SUFFIX}
        for _ in range(rounds):
            for steps, folder in places.items():
                measure(steps, folder, found.setdefault(f"wistro dev ({steps})", Times()))
            for steps in ("python", "node"):
                times = found.setdefault(f"bare parts ({steps})", Times())
                measure_bare(steps, Path(scratch), times)
            if options.peers:
                measure_motia(Path(scratch), found.setdefault("motia dev", Times()))
                measure_uvicorn(Path(scratch), found.setdefault("uvicorn --reload", Times()))
    print(
        f"E4  {machine()}\n    {rounds} round{'s' if rounds > 1 else ''}; milliseconds, medians\n"
    )
    rows = [
        [name, shown(t.cold), shown(t.warm), start_goal, shown(t.reload), reload_goal]
        for name, t in found.items()
        for start_goal, reload_goal in [GOALS.get(name, ("-", "-"))]
    ]
    print(table(["system", "cold start", "warm start", "goal", "edit to answer", "goal"], rows))


def shown(values: list[float]) -> str:
    return f"{median(values, 0):,.0f}" if values else "-"


def prepare(steps: str, scratch: Path) -> Path:
    """The project with its tools, never compiled."""
    folder = scratch / f"dev-{steps}"
    shutil.copytree(HERE / "projects" / steps, folder)
    if steps != "python":
        from wistro.languages.node import tools

        tools.esbuild(folder)
    return folder


def measure(steps: str, folder: Path, times: Times) -> None:
    for name in ("cache", "build", "store.db", "records.db", "spool"):
        for path in (folder / ".wistro").glob(f"{name}*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    with served(_dev, folder) as (_, took_ms):
        times.cold.append(took_ms)
    with served(_dev, folder) as (port, took_ms):
        times.warm.append(took_ms)
        times.reload.append(reloaded(folder / "src" / f"a.step.{SUFFIX[steps]}", port))


def reloaded(step: Path, port: int) -> float:
    """Milliseconds from an edit of the endpoint's answer until it is given."""
    empty, text = ANSWER[step.suffix[1:]], step.read_text()
    mark = f"edited {time.monotonic_ns()}"
    began = time.monotonic()
    step.write_text(text.replace(empty, empty.replace("{}", json.dumps({"mark": mark}))))
    until(port, mark.encode())
    took_ms = (time.monotonic() - began) * 1e3
    step.write_text(text)
    return took_ms


def measure_bare(steps: str, scratch: Path, times: Times) -> None:
    folder = scratch / f"bare-{steps}"
    folder.mkdir(exist_ok=True)

    def command(port: int) -> list[str]:
        return [sys.executable, "-m", "bench.bare.server", str(port), str(folder), steps]

    with served(command, ROOT) as (_, took_ms):
        times.cold.append(took_ms)


def measure_motia(scratch: Path, times: Times) -> None:
    folder = scratch / "motia"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with installed(MOTIA, SCRATCH) as home:
        run = Run(home, folder, free_port())
        try:
            project, command = lay_motia(run), partial(motia, "dev", run)
            with served(command, project, env=MOTIA_ENV, pick=motia_port) as (_, took_ms):
                times.cold.append(took_ms)
            with served(command, project, env=MOTIA_ENV, pick=motia_port) as (port, took_ms):
                times.warm.append(took_ms)
                times.reload.append(reloaded(project / "src" / "a.step.ts", port))
        finally:
            for process in run.processes:
                end_group(process)


def measure_uvicorn(scratch: Path, times: Times) -> None:
    folder = scratch / "uvicorn"
    folder.mkdir(exist_ok=True)
    app = folder / "app.py"
    app.write_text(APP)
    with installed(UVICORN, SCRATCH) as home:
        binary = str(home / "venv" / "bin" / "uvicorn")

        def command(port: int) -> list[str]:
            return [binary, "app:app", "--reload", "--port", str(port)]

        with served(command, folder) as (port, took_ms):
            times.cold.append(took_ms)
            began = time.monotonic()
            app.write_text(APP.replace('b"{}"', 'b"edited"'))
            until(port, b"edited")
            times.reload.append((time.monotonic() - began) * 1e3)


def _dev(port: int) -> list[str]:
    screens = str(free_port())
    return [sys.executable, "-m", "wistro.cli", "dev", "--port", str(port), "--ui-port", screens]


@contextlib.contextmanager
def served(
    command: Callable[[int], list[str]],
    folder: Path,
    *,
    env: Mapping[str, str] | None = None,
    pick: Callable[[], int] = free_port,
) -> Iterator[tuple[int, float]]:
    """Start it, wait for the first POST that is answered with 2xx: the port, and the milliseconds it took."""
    port = pick()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "BENCH_COLLECTOR": str(free_port())}
    environment |= env or {}
    output = (
        folder / "output.log"
        if folder != ROOT
        else Path(tempfile.gettempdir()) / f"bare-{port}.log"
    )
    began = time.monotonic()
    with output.open("wb") as log:
        process = subprocess.Popen(
            command(port),
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        until(port, b"", process=process, output=output)
        yield port, (time.monotonic() - began) * 1e3
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if folder == ROOT:
            output.unlink()


def until(
    port: int, mark: bytes, *, process: subprocess.Popen | None = None, output: Path | None = None
) -> None:
    """Ask again and again until an answer is 2xx and holds the mark."""
    give_up = time.monotonic() + WAIT_S
    while time.monotonic() < give_up:
        if process is not None and process.poll() is not None:
            break
        answer = post(port)
        if answer.startswith(b"HTTP/1.1 2") and mark in answer:
            return
        time.sleep(LOOK_EVERY_S)
    said = output.read_text()[-3000:] if output else ""
    raise SystemExit(f"no such answer within {WAIT_S:g} s\n{said}")


def post(port: int) -> bytes:
    body = b'{"id": "x"}'
    head = b"POST /a HTTP/1.1\r\nhost: bench\r\nconnection: close\r\ncontent-type: application/json\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(head + b"content-length: %d\r\n\r\n" % len(body) + body)
            answer = b""
            while not _is_whole(answer) and (chunk := connection.recv(4096)):
                answer += chunk
            return answer
    except OSError:
        return b""


def _is_whole(answer: bytes) -> bool:
    """The bare parts keep the connection open."""
    head, found, body = answer.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0].strip()
    return bool(found) and length.isdigit() and len(body) >= int(length)


if __name__ == "__main__":
    main()
