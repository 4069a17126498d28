"""Our side of the proxy process: start it, and give it each sandbox's listeners. The process itself is proxy.py."""

from __future__ import annotations

import array
import socket
import subprocess
import sys
from dataclasses import dataclass

import msgspec

from runner.sandbox.network import Admission

_CLOSE_WAIT_S = 5


class Egress(msgspec.Struct, frozen=True, omit_defaults=True):
    """What every sandbox of this process is held to. `hub`: `host:port`s of ours that no tenant may reach."""

    trusted_networks: tuple[str, ...] = ()
    hub: tuple[str, ...] = ()


@dataclass
class Handoff:
    """The way from one sandbox's stub to the proxy: `inner` is inherited by the stub."""

    proxy: EgressProxy
    inner_end: socket.socket
    outer_end: socket.socket

    @property
    def inner(self) -> int:
        return self.inner_end.fileno()

    def admit(self, admission: Admission, pidfd: int) -> None:
        self.proxy.send(msgspec.json.encode(admission), [self.outer_end.fileno(), pidfd])

    def close(self) -> None:
        self.inner_end.close()
        self.outer_end.close()


class EgressProxy:
    """One proxy process for all sandboxes of a launcher; started with the first that needs it, and again if it died."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def handoff(self) -> Handoff:
        self._start_if_needed()
        inner, outer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return Handoff(self, inner, outer)

    def send(self, message: bytes, descriptors: list[int]) -> None:
        assert self._control is not None
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        self._control.sendmsg([message], rights)

    def close(self) -> None:
        """The proxy ends when our end of its control socket closes."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(_CLOSE_WAIT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(_CLOSE_WAIT_S)
            self._process = None

    def _start_if_needed(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "runner.sandbox.proxy", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.PIPE,
            )
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(self._egress))
        self._process.stdin.close()
        self._control = ours
