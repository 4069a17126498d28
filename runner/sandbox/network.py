"""What a sandbox may reach, as data: sent with each launch to the proxy outside (proxy.py).

Inside, 127.0.0.1:PROXY_PORT takes CONNECT and plain-http requests; each `egress` host has a loopback address of its own.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

import msgspec

from wistro.errors import UserError

PROXY_PORT = 3128
PROXY = f"http://127.0.0.1:{PROXY_PORT}"
_FIRST_FORWARDER = int(ipaddress.IPv4Address("127.0.1.1"))
_MOST_FORWARDERS = 64


class EgressUnreadable(UserError):
    """An `egress` entry is no host and port."""

    code = "sandbox.egress"
    hint = "Write `host:port`, such as `db.example.com:5432`; a bare address cannot be mapped."


@dataclass(frozen=True)
class Network:
    """The rules of one launch.

    `only`: the sole `host:port`s that may be reached (None: any public one). `exempt`: `host:port`s whose address is
    not looked at (the builder's package indexes). None of a machine's own addresses is ever reached but by these.
    """

    is_on: bool = True
    only: tuple[str, ...] | None = None
    exempt: tuple[str, ...] = ()


OFF = Network(is_on=False)


class Forward(msgspec.Struct):
    """One `egress` entry: what the host resolves `host` to inside, and where it leads outside."""

    host: str
    port: int
    ip: str


class Admission(msgspec.Struct, omit_defaults=True):
    """Launcher -> proxy, beside two descriptors: where the listeners arrive, and the sandbox's pidfd.

    The listeners come in this order: the HTTP proxy, then one for each forward.
    """

    label: str
    forwards: list[Forward] = []
    only: list[str] | None = None
    exempt: list[str] = []


def split(entry: str) -> tuple[str, int]:
    """`db.example.com:5432` -> its host in lower case and its port."""
    host, _, port = entry.strip().lower().rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise EgressUnreadable(f"`{entry}` is not a host and a port")
    return host.strip("[]"), int(port)


def forwards(egress: list[str]) -> list[Forward]:
    """Give each host of the list a loopback address of its own, in the list's order."""
    if len(egress) > _MOST_FORWARDERS:
        raise EgressUnreadable(
            f"egress names {len(egress)} places; at most {_MOST_FORWARDERS} work"
        )
    ip_by_host: dict[str, str] = {}
    found = []
    for host, port in dict.fromkeys(split(entry) for entry in egress):
        if _is_address(host):
            raise EgressUnreadable(f"`{host}:{port}` names an address, not a host")
        number = _FIRST_FORWARDER + len(ip_by_host)
        ip = ip_by_host.setdefault(host, str(ipaddress.IPv4Address(number)))
        found.append(Forward(host, port, ip))
    return found


def hosts_file(forwarded: list[Forward]) -> bytes:
    lines = ["127.0.0.1 localhost sandbox", "::1 localhost"]
    lines += dict.fromkeys(f"{forward.ip} {forward.host}" for forward in forwarded)
    return ("\n".join(lines) + "\n").encode()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
