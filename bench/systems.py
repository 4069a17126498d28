"""The systems that E1, E2 and E4 measure, each started in a scratch folder and stopped again: the bare parts, and wistro."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent


@dataclass(frozen=True)
class Running:
    url: str
    collector: int
    pid: int
    folder: Path


@dataclass(frozen=True)
class System:
    """`kind` is bare or wistro; `steps` names the host (bare) or the project under bench/projects (wistro)."""

    kind: str
    steps: str

    @property
    def name(self) -> str:
        return f"{self.kind} ({self.steps})"


BARE = [System("bare", "python"), System("bare", "node")]
WISTRO = [System("wistro", "python"), System("wistro", "node"), System("wistro", "mixed")]


@contextlib.contextmanager
def running(system: System, scratch: Path) -> Iterator[Running]:
    """The system, answering POST /a; its whole process group is ended afterwards."""
    folder = scratch / f"{system.kind}-{system.steps}"
    shutil.rmtree(folder, ignore_errors=True)
    port, collector = free_port(), free_port()
    argv = prepare(system, folder, port)
    environment = os.environ | {"BENCH_COLLECTOR": str(collector)}
    with (folder / "output.log").open("wb") as output:
        process = subprocess.Popen(
            argv,
            cwd=ROOT if system.kind == "bare" else folder,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        wait_until_served(port, process, folder)
        yield Running(f"http://127.0.0.1:{port}/a", collector, process.pid, folder)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def prepare(system: System, folder: Path, port: int) -> list[str]:
    """Put the project into its folder and lock it; the command that serves it."""
    if system.kind == "bare":
        folder.mkdir(parents=True)
        return [sys.executable, "-m", "bench.bare.server", str(port), str(folder), system.steps]
    shutil.copytree(HERE / "projects" / system.steps, folder)
    wistro = [sys.executable, "-m", "wistro.cli"]
    locked = subprocess.run(
        [*wistro, "lock"],
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    if locked.returncode:
        raise SystemExit(f"wistro lock failed in {folder}:\n{locked.stderr}")
    os.environ["PYTHONPATH"] = str(ROOT)
    return [*wistro, "start", "--port", str(port)]


def wait_until_served(port: int, process: subprocess.Popen, folder: Path) -> None:
    """The first POST answered with 2xx; it also warms the hosts."""
    body = json.dumps({"id": "warm"}).encode()
    request = b"POST /a HTTP/1.1\r\nhost: bench\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), 2) as connection,
        ):
            connection.sendall(request % (len(body), body))
            if connection.recv(64).startswith(b"HTTP/1.1 2"):
                return
        time.sleep(0.02)
    raise SystemExit(f"{folder.name} did not serve:\n{(folder / 'output.log').read_text()[-3000:]}")


def load(mode: str, system: Running, *, seconds: float, amount: int) -> dict:
    """One run of bench.load against it: `throughput` with that many connections, or `rate` a second."""
    argv = [
        sys.executable,
        "-m",
        "bench.load",
        mode,
        system.url,
        str(seconds),
        str(amount),
        str(system.collector),
    ]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=seconds + 60)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
