"""This computer: its disk, its limits, its ports, and whether steps can be cut off from the network."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from wistro.doctor.finding import Finding, bad, good, note

SYNCS = 15
SLOW_SYNC_S = 0.030  # an endpoint that emits waits for one
LITTLE_BYTES = 1024**3
FULL_BYTES = 64 * 1024**2
FEW_FILES = 1_024
PROBE_S = 10.0


def disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    says = f"{free / 1024**3:.1f} GiB free where `.wistro` lies"
    if free < FULL_BYTES:
        return bad("disk", says, "Make room: the engine cannot commit and answers 503.")
    if free < LITTLE_BYTES:
        return note("disk", says, "Make room soon: records are kept up to 1 GiB.")
    return good("disk", says)


def sync(folder: Path, *, clock: Callable[[], float] = time.perf_counter) -> Finding:
    """How long the disk takes to keep 4 KiB for sure, which each commit waits for."""
    took: list[float] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(SYNCS):
            file.write(b"\0" * 4096)
            file.flush()
            began = clock()
            os.fsync(file.fileno())
            took.append(clock() - began)
    usual = median(took)
    says = f"fsync takes {usual * 1e3:.1f} ms (median of {SYNCS}, slowest {max(took) * 1e3:.1f} ms)"
    if usual > SLOW_SYNC_S:
        return note(
            "fsync", says, "Put the project on a local SSD: every call that emits waits for one."
        )
    return good("fsync", says)


def files() -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FEW_FILES:
        return note("files", f"{soft} files may be open at once", "Raise it: `ulimit -n 65536`.")
    return good("files", f"{soft} files may be open at once")


def port(number: int, option: str) -> Finding:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError as error:
            why = error.strerror or str(error)
            return note("ports", f"{number}: {why}", f"Choose another: {option} <port>.")
    return good("ports", f"{number} is free")


def cut_off() -> Finding:
    """Replaying and describing keep steps from the network, by a namespace where the system lets them."""
    if not sys.platform.startswith("linux"):
        return note(
            "namespaces",
            "this system has none: `wistro replay` cuts the network in the language's sockets",
            "Nothing is to do; native code of a step could get around it.",
        )
    if _runs(["unshare", "--user", "--net", "--map-root-user", "true"]):
        return good("namespaces", "`wistro replay` runs steps without a network")
    return note(
        "namespaces",
        "this user may make none: `wistro replay` cuts the network in the language's sockets",
        "Allow user namespaces (sysctl kernel.unprivileged_userns_clone=1), or leave it so.",
    )


def sandbox() -> Finding:
    """Only machines of a fleet need it: here a project's own steps run as the user."""
    name, do = "sandbox", "Only agents and builders of a fleet need it: install bubblewrap there."
    if shutil.which("bwrap") is None:
        return note(name, "bubblewrap is not installed", do)
    probe = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    if _runs(probe):
        return good(name, "bubblewrap can shut a process in")
    return note(name, "bubblewrap is installed and may not make namespaces", do)


def every(folder: Path, ports: dict[int, str]) -> Iterator[Finding]:
    """`ports` are those to try, each with the option that changes it."""
    yield disk(folder)
    yield sync(folder)
    yield files()
    for number, option in ports.items():
        yield port(number, option)
    yield cut_off()
    yield sandbox()


def _runs(command: list[str]) -> bool:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
