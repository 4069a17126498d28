"""Who calls, and where to: the label in Host, the caller's address, headers that may pass.

Forwarding headers are believed from `WISTRO_TRUSTED_PROXIES` alone.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit

from wistro.http.message import Headers
from wistro.protocol.addresses import Network

_TAG = re.compile(r"v([1-9][0-9]{0,8})--(.+)")
_HOP = frozenset(
    (
        *("connection", "content-length", "expect", "keep-alive", "proxy-authenticate"),
        *("proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding"),
        *("upgrade", "x-forwarded-for"),
    )
)
_FORWARDED = frozenset(
    (
        *("forwarded", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto"),
        "x-real-ip",
    )
)
_NOT_PASSED = _HOP | _FORWARDED
OURS = "wistro-"


class Domain:
    """The endpoints' domain, from `http://{label}.localhost:8080`."""

    def __init__(self, endpoint_url: str) -> None:
        host = urlsplit(endpoint_url.replace("{label}", "label")).hostname or ""
        self._prefix, _, self._suffix = host.partition("label")

    def label(self, host: str) -> str | None:
        """`Dev--shop--acme.localhost:8080` -> `dev--shop--acme`; None for a host that is not an endpoint's."""
        name = host.rpartition(":")[0] if _has_port(host) else host
        name = name.lower().rstrip(".")
        long_enough = len(name) > len(self._prefix) + len(self._suffix)
        if not long_enough or not (name.startswith(self._prefix) and name.endswith(self._suffix)):
            return None
        return name[len(self._prefix) : len(name) - len(self._suffix)]


def split_tag(label: str) -> tuple[int | None, str]:
    """`v3--dev--shop--acme` -> (3, `dev--shop--acme`); no tag -> (None, label)."""
    if match := _TAG.fullmatch(label):
        return int(match[1]), match[2]
    return None, label


class Proxies:
    """The load balancers whose word counts."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = list(networks)
        self.trusts = lru_cache(4096)(self._trusts)

    def caller(self, peer: str, headers: Headers) -> str:
        """The caller's address: the last in X-Forwarded-For that no trusted proxy wrote about itself."""
        if not self.trusts(peer):
            return peer
        said = ",".join(value for name, value in headers if name == "x-forwarded-for")
        for hop in reversed([one.strip() for one in said.split(",")]):
            if not _is_address(hop):
                return peer
            if not self.trusts(hop):
                return hop
            peer = hop
        return peer

    def _trusts(self, peer: str) -> bool:
        if not _is_address(peer):
            return False
        address = ipaddress.ip_address(peer)
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._networks)


def passed_on(headers: Headers, *, address: str, by_proxy: bool) -> Headers:
    """What an engine gets of a caller's headers: none of ours, of this hop, or of a made-up proxy.

    X-Forwarded-For is the caller's address as we know it.
    """
    dropped = _HOP if by_proxy else _NOT_PASSED
    for name, value in headers:
        if name == "connection":
            dropped = dropped | {token.strip().lower() for token in value.split(",")}
    kept = [pair for pair in headers if pair[0] not in dropped and not pair[0].startswith(OURS)]
    kept.append(("x-forwarded-for", address))
    return kept


def passed_back(headers: Headers) -> Headers:
    """What a caller gets of an engine's headers; length and chunks are framed anew by our server."""
    return [
        pair
        for pair in headers
        if pair[0] == "content-length" or (pair[0] not in _HOP and not pair[0].startswith(OURS))
    ]


def _has_port(host: str) -> bool:
    return ":" in host and host.rpartition(":")[2].isdigit()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
