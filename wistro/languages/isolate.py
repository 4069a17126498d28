"""Cut this process off the network, before it runs code of a project. Standard library only: a project's Python runs it.

A network namespace on Linux where permitted (its children are in it too), else the socket layer of this process.
As a program: `isolate.py --namespace argv…` becomes argv in a namespace of its own (exit 1: not permitted), and
`isolate.py --sockets script` runs a Python script whose sockets refuse.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import runpy
import socket
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
REFUSED = "the network is off while a step is described or replayed"


def cut_network() -> str:
    """`namespace` or `sockets`: how it was done. Call it while the process has one thread."""
    if sys.platform == "linux" and _namespace():
        return "namespace"
    _refuse_sockets()
    return "sockets"


def _namespace() -> bool:
    uid, gid = os.getuid(), os.getgid()
    try:
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
            return False
    except (OSError, AttributeError):
        return False
    # Without a map every id reads as nobody's; files stay readable either way.
    with contextlib.suppress(OSError):
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    return True


def _refuse_sockets() -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(REFUSED)

    class Closed(socket.socket):
        connect = connect_ex = sendto = bind = refused  # type: ignore[assignment]

    socket.socket = Closed  # type: ignore[misc]
    socket.create_connection = refused  # type: ignore[assignment]
    socket.getaddrinfo = refused  # type: ignore[assignment]


def main() -> None:
    if sys.argv[1] == "--namespace":
        if not _namespace():
            sys.exit(1)
        if sys.argv[2:]:
            os.execv(sys.argv[2], sys.argv[2:])
    else:
        _refuse_sockets()
        runpy.run_path(sys.argv[2], run_name="__main__")


if __name__ == "__main__":
    main()
