"""The one HTTP client for every address that a tenant or a host can name.

A name is resolved once, every address it has is asked about (wistro/protocol/addresses.py), and the connection goes to one
of those; a redirect is a new request under the same rules. Sizes and the whole time are bounded, no proxy is used.
WISTRO_TRUSTED_NETWORKS opens networks and WISTRO_EXTRA_CA adds an authority; both are empty by default.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpcore

from hub.common.settings import SETTINGS
from wistro.errors import UserError
from wistro.protocol.addresses import Network, read_networks, why_closed

TIMEOUT_S = 15.0
MOST_BYTES = 5 << 20
MOST_REDIRECTS = 3
LONGEST_URL = 2000
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class BadUrl(UserError):
    """An address that is no plain https URL."""

    code = "url.invalid"
    hint = "Give an https address, without a user or password in it."
    status = 422


class ClosedAddress(UserError):
    """A URL whose host has an address that nothing of a tenant's may connect to."""

    code = "url.closed"
    hint = "Use an address that is reachable from the public Internet."
    status = 422


class Unreachable(UserError):
    """The other side did not answer: no such name, no connection, a bad certificate, or too slow."""

    code = "url.unreachable"
    hint = "Check the address, and that its server answers with a valid certificate."
    status = 422


class AnswerTooLarge(UserError):
    """The other side answered with more than is read."""

    code = "url.answer-too-large"
    status = 422


@dataclass(frozen=True)
class Rules:
    """Networks that may be reached although they are closed, and one more CA file."""

    trusted: tuple[Network, ...] = ()
    extra_ca: Path | None = None


@dataclass(frozen=True)
class Answer:
    """A whole answer. `url` is where it came from, after redirects; header names are in lower case."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Raises Unreachable when it is none: another server than meant answers there."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise Unreachable(f"{host_of(self.url)} answered something that is no JSON") from None


@cache
def our_rules() -> Rules:
    return Rules(tuple(read_networks(SETTINGS.trusted_networks)), SETTINGS.extra_ca)


def ask(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    redirects: int = 0,
    most_bytes: int = MOST_BYTES,
    timeout_s: float = TIMEOUT_S,
    rules: Rules | None = None,
) -> Answer:
    """One request and its whole answer. Raises BadUrl, ClosedAddress, Unreachable, AnswerTooLarge.

    `redirects`: how many are followed, for GET; what was sent to one host (`authorization`) is not sent to another.
    """
    rules = rules or our_rules()
    until = time.monotonic() + timeout_s
    sent = {"user-agent": "wistro", "accept-encoding": "identity"}
    sent |= {name.lower(): value for name, value in (headers or {}).items()}
    for _ in range(min(redirects, MOST_REDIRECTS) + 1):
        answer = _once(method, checked(url), sent, body, most_bytes, until, rules)
        to = answer.headers.get("location")
        if not (redirects and method == "GET" and answer.status in REDIRECTS and to):
            return answer
        before, url = url, urljoin(url, to)
        if origin_of(before) != origin_of(url):
            sent.pop("authorization", None)
    raise Unreachable(f"{host_of(url)} sends from one address to the next")


def checked(url: str) -> str:
    """The URL, if it is plain https; raises BadUrl."""
    no_url = BadUrl("The address is no plain https URL", fields={"url": "an https address"})
    if len(url) > LONGEST_URL or not (url.isascii() and url.isprintable()) or set(url) & set(" \\"):
        raise no_url
    try:
        parts = urlsplit(url)
        is_https = parts.scheme == "https" and parts.hostname and parts.port != 0
    except ValueError:
        raise no_url from None
    if not is_https:
        raise no_url
    if "@" in parts.netloc:
        without = "without a user or password"
        raise BadUrl("The address has a user or password in it", fields={"url": without})
    return url


def origin_of(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def host_of(url: str) -> str:
    return urlsplit(url).hostname or "the address"


def addresses_of(host: str, port: int = 443) -> list[str]:
    """All that a name has; raises Unreachable."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unreachable(f"There is no host {host[:253]}") from None
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def open_addresses(host: str, port: int, *, trusted: Iterable[Network]) -> list[str]:
    """Its addresses, each of which may be connected to; raises ClosedAddress if any may not."""
    found = addresses_of(host, port)
    trusted = tuple(trusted)
    for address in found:
        if (why := why_closed(address, trusted=trusted)) is not None:
            raise ClosedAddress(
                f"{host} cannot be used: its address is closed ({why})", fields={"url": why}
            )
    return found


def is_public(url: str) -> bool:
    """Whether the Internet reaches this address as far as its name tells; False when it has none."""
    try:
        open_addresses(host_of(url), 443, trusted=())
    except (ClosedAddress, Unreachable):
        return False
    return True


def _once(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    most_bytes: int,
    until: float,
    rules: Rules,
) -> Answer:
    waits = dict.fromkeys(("connect", "read", "write", "pool"), max(until - time.monotonic(), 0.01))
    backend = _CheckedBackend(rules.trusted, until)
    try:
        with (
            httpcore.ConnectionPool(
                ssl_context=_tls(rules.extra_ca), network_backend=backend, max_connections=1
            ) as pool,
            pool.stream(
                method,
                url,
                headers=list(headers.items()),
                content=body,
                extensions={"timeout": waits},
            ) as answer,
        ):
            found = _whole(answer, url, most_bytes)
            told = {
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in answer.headers
            }
            return Answer(url, answer.status, told, found)
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise Unreachable(
            f"{host_of(url)} did not answer: {str(error) or type(error).__name__}"[:500]
        ) from error


def _whole(answer: httpcore.Response, url: str, most_bytes: int) -> bytes:
    found = bytearray()
    for chunk in answer.iter_stream():
        found += chunk
        if len(found) > most_bytes:
            raise AnswerTooLarge(f"{host_of(url)} answered with more than {most_bytes} bytes")
    return bytes(found)


@cache
def _tls(extra_ca: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if extra_ca is not None:
        context.load_verify_locations(extra_ca)
    return context


class _CheckedBackend(httpcore.SyncBackend):
    """Connects only to an address that was asked about, and lets nothing take longer than the whole may."""

    def __init__(self, trusted: Iterable[Network], until: float) -> None:
        self._trusted, self._until = tuple(trusted), until

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        last: Exception | None = None
        for address in open_addresses(host, port, trusted=self._trusted):
            try:
                stream = super().connect_tcp(str(ipaddress.ip_address(address)), port, timeout)
                return _Bounded(stream, self._until)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last or httpcore.ConnectError(f"{host} has no address")

    def connect_unix_socket(self, *arguments: Any, **more: Any) -> httpcore.NetworkStream:
        raise httpcore.ConnectError("no socket of this machine is reached by a URL")


class _Bounded(httpcore.NetworkStream):
    """A stream whose every wait ends when the whole request's time is over."""

    def __init__(self, stream: httpcore.NetworkStream, until: float) -> None:
        self._stream, self._until = stream, until

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("too slow")
        return left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        inner = self._stream.start_tls(ssl_context, server_hostname, self._left())
        return _Bounded(inner, self._until)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
