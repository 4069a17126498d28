"""What a machine of the fleet holds that no tenant may reach: processes, files, sockets, ports, all marked alike."""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wistro.hosts.port import Launch, Launched, Launcher


@dataclass(frozen=True)
class World:
    folder: Path
    bundle: Path
    facts: dict[str, Any]

    @property
    def marker(self) -> str:
        return self.facts["marker"]


@contextlib.contextmanager
def a_machine() -> Iterator[World]:
    marker = f"marker-{secrets.token_hex(8)}"
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="wistro-sandbox-"))
        stack.callback(shutil.rmtree, folder)
        for name in ("bundle", "other", "mount", "scratch"):
            (folder / name).mkdir()
        (folder / "bundle/step.py").write_text("config = {}\n")
        files = {}
        for fact, name in {
            "other_bundle": "other/step.py",
            "other_scratch": "scratch/file",
            "agent_token": "agent-token",
            "gateway_key": "gateway.key",
            "store": "store.db",
        }.items():
            (folder / name).write_text(marker)
            files[fact] = str(folder / name)
        sockets = {
            fact: str(_greeting_at(stack, folder / f"{fact}.sock", marker))
            for fact in ("postgres_socket", "engine_socket", "docker_socket")
        }
        ports = {
            fact: _greeting_at(stack, 0, marker)
            for fact in ("postgres_port", "redis_port", "hub_port")
        }
        abstract = f"wistro-{secrets.token_hex(8)}"
        _greeting_at(stack, f"\0{abstract}", marker)
        processes = {
            "hub_pid": _process(stack, "hub", {"WISTRO_SECRET_KEY": marker}),
            "sibling_pid": _process(stack, f"sibling {marker}", {}),
        }
        places = {
            "home": str(Path.home()),
            "hostname": socket.gethostname(),
            "mount_point": str(folder / "mount"),
            "device": str(folder / "scratch/device"),
            "abstract_socket": abstract,
            "fill": str(Path(tempfile.gettempdir()) / f"fill-{marker}"),
            "marker": marker,
        }
        stack.callback(Path(places["fill"]).unlink, missing_ok=True)
        yield World(folder, folder / "bundle", files | sockets | ports | processes | places)


def run(launcher: Launcher, launch: Launch, *, within_s: float = 30.0) -> tuple[str, str]:
    """Launch with pipes, wait for the end, kill what is left; its output and its complaints."""
    pipes = [os.pipe(), os.pipe()]
    fds = {1: pipes[0][1], 2: pipes[1][1]}
    launched = launcher.launch(
        Launch(launch.argv, launch.cwd, launch.env, fds, launch.binds, launch.label, launch.egress)
    )
    for _, write in pipes:
        os.close(write)
    try:
        assert select.select([launched.pidfd], [], [], within_s)[0], "it never ended"
    finally:
        end(launcher, launched)
    texts = []
    for read, _ in pipes:
        with os.fdopen(read, "rb") as file:
            texts.append(file.read().decode(errors="replace"))
    return texts[0], texts[1]


def end(launcher: Launcher, launched: Launched) -> None:
    launcher.kill(launched)
    os.close(launched.pidfd)


def _process(stack: contextlib.ExitStack, name: str, env: dict[str, str]) -> int:
    """A process that does nothing until its stdin closes."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            "import sys; print(1, flush=True); sys.stdin.read()",
            name,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=env,
    )
    assert process.stdin and process.stdout
    process.stdout.readline()
    stack.callback(process.wait, 10)
    stack.callback(process.stdout.close)
    stack.callback(process.stdin.close)
    return process.pid


def _greeting_at(stack: contextlib.ExitStack, at: Path | str | int, marker: str) -> Any:
    """A server that says the marker to whoever connects."""
    if isinstance(at, int):
        server = socket.create_server(("127.0.0.1", at))
    else:
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(at))
        server.listen()

    def greet() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.sendall(marker.encode())

    thread = threading.Thread(target=greet)
    thread.start()

    def stop() -> None:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(10)

    stack.callback(stop)
    return server.getsockname()[1] if isinstance(at, int) else at
