"""Listening where a person asked for it; a taken port is said in one line with one that is free."""

from __future__ import annotations

import errno
import socket
from collections.abc import Collection

from wistro.errors import UserError
from wistro.http.server import Server

TRIED = 100


class PortTaken(UserError):
    """Another process listens on the port."""

    code = "port.taken"


class CannotListen(UserError):
    """The address cannot be listened on: not of this machine, or a port that needs rights."""

    code = "port.cannot-listen"
    hint = "Choose another --host or --port."


async def listen(
    server: Server, host: str, port: int, *, option: str, avoid: Collection[int] = ()
) -> int:
    """Listen, or raise PortTaken naming `option` with the next free port that is not among `avoid`."""
    try:
        return await server.listen_tcp(host, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            why = error.strerror or str(error)
            raise CannotListen(f"cannot listen on {host}:{port}: {why}") from error
        free = next_free(host, port, avoid=avoid)
        hint = f"{option} {free} is free." if free else "End what listens there."
        raise PortTaken(f"port {port} is taken by another process", hint=hint) from error


def next_free(host: str, port: int, *, avoid: Collection[int] = ()) -> int | None:
    for one in range(port + 1, min(port + 1 + TRIED, 65_536)):
        if one not in avoid and _is_free(host, one):
            return one
    return None


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
