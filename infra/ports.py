"""Ports that others hold: said before anything starts, with the holder's name where it can be known."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

from infra.place import Place
from infra.terminal import Failed

WORDS = {"hub": "the Hub", "machines": "machines", "gateway": "the gateway", "valkey": "Valkey"}


def refuse_taken(place: Place) -> None:
    """Raise in one line when a port that this place needs is not free."""
    for name in place.ports.names():
        port = getattr(place.ports, name)
        if (name == "valkey" and place.outside_redis) or is_free(port):
            continue
        by = f" by {holder}" if (holder := holder_of(port)) else ""
        variable = f"WISTRO_PORT_{name.upper()}"
        raise Failed(
            f"port {port} ({WORDS[name]}) is taken{by}",
            f"End it, or choose another port: {variable}={port + 100} make up",
        )


def is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(1)
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Ports that are free now; all are held at once so that no two are the same."""
    listeners = [socket.socket() for _ in range(count)]
    try:
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]
    finally:
        for listener in listeners:
            listener.close()


def holder_of(port: int) -> str | None:
    """`name (pid n)` of the process that listens there; None where it is not ours to see."""
    if not Path("/proc/net/tcp").exists():
        return _holder_by_lsof(port)
    inodes = _listening_inodes(port)
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit() and inodes & _sockets(name):
            command = Path(f"/proc/{name}/comm").read_text().strip()
            return f"{command} (pid {name})"
    return None


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if Path(table).exists():
            for line in Path(table).read_text().splitlines()[1:]:
                part = line.split()
                if part[3] == "0A" and int(part[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{part[9]}]")
    return inodes


def _sockets(pid: str) -> set[str]:
    found = set()
    try:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            found.add(str(descriptor.readlink()))
    except OSError:
        pass  # another user's, or gone meanwhile: what was read so far still counts
    return found


def _holder_by_lsof(port: int) -> str | None:
    lsof = shutil.which("lsof")
    if lsof is None:
        return None
    argv = [lsof, "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"]
    found = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=10)
    fields = {line[0]: line[1:] for line in found.stdout.splitlines() if line}
    return f"{fields['c']} (pid {fields['p']})" if {"c", "p"} <= set(fields) else None
