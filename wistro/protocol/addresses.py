"""May a tenant's URL lead to this address? One pure answer for the Hub's safe client and the fleet's proxy.

Not here: resolving and connecting. Callers resolve once, ask about every address, and connect to one that was asked about.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# IANA's special-purpose registries; `ipaddress.is_global` of Python 3.11 lets several of these through.
_CLOSED_V4 = {
    "0.0.0.0/8": "this network",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "carrier-grade NAT",
    "127.0.0.0/8": "loopback",
    "168.63.129.16/32": "cloud metadata",
    "169.254.0.0/16": "link-local (cloud metadata)",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "IETF assignments",
    "192.0.2.0/24": "documentation",
    "192.31.196.0/24": "AS112",
    "192.52.193.0/24": "AMT",
    "192.88.99.0/24": "6to4 relay",
    "192.168.0.0/16": "private",
    "192.175.48.0/24": "AS112",
    "198.18.0.0/15": "benchmarking",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
}
_CLOSED_V6 = {
    "2001::/23": "IETF assignments",
    "2001:db8::/32": "documentation",
    "2620:4f:8000::/48": "AS112",
    "3fff::/20": "documentation",
}
_CLOSED: list[tuple[Network, str]] = [
    (ipaddress.ip_network(text), reason) for text, reason in (_CLOSED_V4 | _CLOSED_V6).items()
]
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")  # all that IANA has given out for unicast
_NAT64 = [ipaddress.IPv6Network("64:ff9b::/96")]
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")
_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")
_TEREDO = ipaddress.IPv6Network("2001::/32")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_TRANSLATED = ipaddress.IPv6Network("::ffff:0:0:0/96")  # SIIT, RFC 2765
_ISATAP = (0x00005EFE, 0x02005EFE)  # the upper half of an ISATAP interface id


def read_networks(text: str | Iterable[str]) -> list[Network]:
    """`"127.0.0.0/8, 10.1.2.3"` -> networks; ValueError names the one that is none."""
    parts = text.split(",") if isinstance(text, str) else text
    return [ipaddress.ip_network(part.strip()) for part in parts if part.strip()]


def why_closed(address: str | Address, *, trusted: Iterable[Network] = ()) -> str | None:
    """Why nothing of a tenant's may connect there; None when it may.

    `trusted` opens networks by name. It looks at the address that would be reached, so an address wrapped in another
    (mapped, 6to4, …) is trusted or closed as itself.
    """
    given = ipaddress.ip_address(address) if isinstance(address, str) else address
    if isinstance(given, ipaddress.IPv6Address) and given.scope_id is not None:
        return "an address of one link"
    for reached in _unwrapped(given):
        if any(reached.version == network.version and reached in network for network in trusted):
            continue
        reason = _why_closed(reached)
        if reason is not None:
            return reason
    return None


def _why_closed(address: Address) -> str | None:
    for network, reason in _CLOSED:
        if address.version == network.version and address in network:
            return reason
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_V6:
        return "not a public IPv6 address"
    return None


def _unwrapped(address: Address) -> list[Address]:
    """Every address that a packet to this one may end at; the address itself when it wraps none."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    number = int(address)
    low = ipaddress.IPv4Address(number & 0xFFFFFFFF)
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if any(address in network for network in _NAT64) or address in _TRANSLATED:
        return [low]
    if (
        address in _NAT64_LOCAL
    ):  # where the IPv4 part lies depends on a prefix length that we cannot know
        return [address]
    if address in _SIX_TO_FOUR:
        return [ipaddress.IPv4Address(number >> 80 & 0xFFFFFFFF)]
    if address in _TEREDO:
        server = ipaddress.IPv4Address(number >> 64 & 0xFFFFFFFF)
        return [address, server, ipaddress.IPv4Address(~number & 0xFFFFFFFF)]
    if address in _COMPATIBLE and number > 1:
        return [low]
    if number >> 32 & 0xFFFFFFFF in _ISATAP:
        return [address, low]
    return [address]
