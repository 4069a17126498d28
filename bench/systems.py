"""The systems that the E benchmarks measure, each started in a scratch folder and stopped again: the bare parts, and wistro."""

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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.peers.peer import Peer

HERE = Path(__file__).parent
ROOT = HERE.parent
SCRATCH = ROOT / ".data" / "bench"


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
WISTRO = [System("wistro", steps) for steps in ("python", "node", "go", "mixed")]
WISTRO_CLI = "wistro.cli"


def peers(wanted: bool) -> list[Peer]:
    if not wanted:
        return []
    from bench.peers import PEERS

    return list(PEERS.values())


def bare_of(name: str) -> str:
    """The bare parts that a system is compared to: its language's; where there are none, and for a peer, the slower of both."""
    steps = name.split("(")[1][:-1] if name.endswith(")") else "mixed"
    return steps if steps in ("python", "node") else "mixed"


@contextlib.contextmanager
def running(system: System, scratch: Path, *, program: str = WISTRO_CLI) -> Iterator[Running]:
    """The system, answering POST /a; its whole process group is ended afterwards. `program` starts wistro."""
    folder = scratch / f"{system.kind}-{system.steps}"
    shutil.rmtree(folder, ignore_errors=True)
    prepare(system, folder)
    with serving(system, folder, program=program) as one:
        yield one


@contextlib.contextmanager
def serving(system: System, folder: Path, *, program: str = WISTRO_CLI) -> Iterator[Running]:
    """What `prepare` made, with all that earlier runs left in its folder."""
    port, collector = free_port(), free_port()
    if system.kind == "bare":
        argv = ["bench.bare.server", str(port), str(folder), system.steps]
    else:
        argv = [program, "start", "--port", str(port)]
    with (folder / "output.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *argv],
            cwd=ROOT if system.kind == "bare" else folder,
            env=os.environ | {"BENCH_COLLECTOR": str(collector), "PYTHONPATH": str(ROOT)},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        wait_until_served(port, process, folder)
        yield Running(f"http://127.0.0.1:{port}/a", collector, process.pid, folder)
    finally:
        end_group(process)


@contextlib.contextmanager
def peer_running(peer: Peer, scratch: Path) -> Iterator[Running]:
    """A peer, installed on first use, answering its POST; every process that it started is ended afterwards."""
    from bench.peers.peer import Run, installed

    folder = scratch / "run" / peer.name.replace(" ", "-").lower()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with installed(peer, scratch) as home:
        run = Run(home, folder, free_port())
        try:
            started = peer.start(run)
            wait_until_served(started.port, run.processes[-1], folder, path=started.path)
            url = f"http://127.0.0.1:{started.port}{started.path}"
            yield Running(url, run.collector, run.processes[-1].pid, folder)
        finally:
            for process in reversed(run.processes):
                end_group(process)


def end_group(process: subprocess.Popen) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with contextlib.suppress(ProcessLookupError):  # what it started and left
        os.killpg(process.pid, signal.SIGKILL)


def prepare(system: System, folder: Path) -> None:
    """Put the project into its folder and lock it."""
    if system.kind == "bare":
        folder.mkdir(parents=True)
    else:
        shutil.copytree(HERE / "projects" / system.steps, folder)
        lock(folder)


def lock(folder: Path) -> None:
    locked = subprocess.run(
        [sys.executable, "-m", WISTRO_CLI, "lock"],
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    if locked.returncode:
        raise SystemExit(f"wistro lock failed in {folder}:\n{locked.stderr}")


def wait_until_served(
    port: int, process: subprocess.Popen, folder: Path, *, path: str = "/a"
) -> None:
    """The first POST answered with 2xx; it also warms the hosts."""
    body = json.dumps({"id": "warm"}).encode()
    request = b"POST %s HTTP/1.1\r\nhost: bench\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if process.poll():
            break
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), 2) as connection,
        ):
            connection.sendall(request % (path.encode(), len(body), body))
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
