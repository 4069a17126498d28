"""Connecting for a tenant: resolve once, look at every address, connect to one that was looked at."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field

from runner.sandbox.network import split
from wistro.protocol.addresses import Address, Network, read_networks, why_closed

CONNECT_TIMEOUT_S = 10.0
RESOLVE_TIMEOUT_S = 5.0
_CLOSED_PORTS = frozenset({25})  # mail between servers: what a tenant sends there is spam


class Refused(Exception):
    """The rules do not let this sandbox go there; the message is for the tenant's log."""


class Unreachable(Exception):
    """Allowed, but nobody answered."""


@dataclass(frozen=True)
class Rules:
    """What one sandbox may reach. `hub`: our own `host:port`s, closed even inside a trusted network."""

    trusted: Sequence[Network] = ()
    hub: frozenset[tuple[str, int]] = frozenset()
    only: frozenset[tuple[str, int]] | None = None
    exempt: frozenset[tuple[str, int]] = field(default_factory=frozenset)

    @classmethod
    def read(
        cls,
        *,
        trusted: Sequence[str],
        hub: Sequence[str],
        only: Sequence[str] | None,
        exempt: Sequence[str],
    ) -> Rules:
        return cls(
            trusted=read_networks(trusted),
            hub=frozenset(map(split, hub)),
            only=None if only is None else frozenset(map(split, only)),
            exempt=frozenset(map(split, exempt)),
        )


async def connect(host: str, port: int, rules: Rules) -> socket.socket:
    """A connected socket; raises Refused or Unreachable."""
    host = host.lower().rstrip(".")
    if rules.only is not None and (host, port) not in rules.only:
        raise Refused(f"{host}:{port} is not among what this sandbox may reach")
    addresses = await resolve(host, port)
    if (host, port) not in rules.exempt:
        await _check(host, port, addresses, rules)
    return await _dial(host, port, addresses)


async def resolve(host: str, port: int) -> list[Address]:
    """All addresses of a host, in the resolver's order."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_TIMEOUT_S):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError) as problem:
        raise Unreachable(f"{host} has no address") from problem
    return list(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found))


async def _check(host: str, port: int, addresses: list[Address], rules: Rules) -> None:
    if port in _CLOSED_PORTS:
        raise Refused(f"port {port} is closed")
    for address in addresses:
        reason = why_closed(address, trusted=rules.trusted)
        if reason is not None:
            raise Refused(f"{host} leads to {address}: {reason}")
    for hub_host, hub_port in rules.hub:
        try:
            ours = await resolve(hub_host, hub_port)
        except Unreachable:
            continue
        for address in set(addresses) & set(ours):
            # In a trusted network, where doubles share an address with us, the port tells us apart.
            if port == hub_port or why_closed(address) is None:
                raise Refused(f"{host} leads to the Hub")


async def _dial(host: str, port: int, addresses: list[Address]) -> socket.socket:
    loop = asyncio.get_running_loop()
    for address in addresses:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        dialled = socket.socket(family, socket.SOCK_STREAM)
        dialled.setblocking(False)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await loop.sock_connect(dialled, (str(address), port))
            dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return dialled
        except (OSError, TimeoutError):
            dialled.close()
        except BaseException:
            dialled.close()
            raise
    raise Unreachable(f"{host}:{port} does not answer")
