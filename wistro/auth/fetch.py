"""One bounded GET of an address that a project names: https, no redirect, no proxy, every address checked first.

The name is resolved once and the connection goes to an address that was asked about (wistro/protocol/addresses.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from wistro.protocol.addresses import Network, why_closed

TIMEOUT_S = 5.0
MOST_BYTES = 256 * 1024
LONGEST_URL = 2_000
AT_ONCE = 8  # in threads of its own: a server that is slow holds up nothing but other fetches
EVERYWHERE: tuple[Network, ...] = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


class NotFetched(Exception):
    """Why an address gave nothing, in words for the team."""


@dataclass(frozen=True)
class Fetched:
    body: bytes
    cache_control: str = ""


class Fetcher:
    """`trusted` opens networks that are closed to tenants' URLs. Plain http is for a trusted loopback alone."""

    def __init__(
        self,
        *,
        trusted: Iterable[Network] = (),
        extra_ca: Path | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._trusted = tuple(trusted)
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="fetch")
        self._tls = ssl.create_default_context()
        if extra_ca is not None:
            self._tls.load_verify_locations(extra_ca)

    async def get(self, url: str) -> Fetched:
        """Raises NotFetched. The thread ends by itself soon after the time is over."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._get, url)

    def _get(self, url: str) -> Fetched:
        until = time.monotonic() + self._timeout_s
        scheme, host, port, target = _parts(url)
        try:
            return self._ask(scheme, host, port, target, until)
        except (OSError, http.client.HTTPException) as error:
            is_over = time.monotonic() >= until
            why = "too slow" if is_over else str(error) or type(error).__name__
            raise NotFetched(f"{host} did not answer: {why}"[:300]) from error

    def _ask(self, scheme: str, host: str, port: int, target: str, until: float) -> Fetched:
        connected = self._connected(scheme, host, port, until)
        connection = http.client.HTTPConnection(host, port)
        connection.sock = connected
        with contextlib.closing(connection), _ended_at(until, connected):
            connected.settimeout(_left(until))
            connection.request(
                "GET",
                target,
                headers={
                    "accept": "application/json",
                    "accept-encoding": "identity",
                    "user-agent": "wistro",
                },
            )
            answer = connection.getresponse()
            if answer.status != 200:
                raise NotFetched(f"{host} answered {answer.status}")
            return Fetched(
                _body(answer, connected, until, host), answer.getheader("cache-control") or ""
            )

    def _connected(self, scheme: str, host: str, port: int, until: float) -> socket.socket:
        addresses = self._addresses(scheme, host, port)
        last: OSError | None = None
        for address in addresses:
            try:
                plain = socket.create_connection((address, port), timeout=_left(until))
            except OSError as error:
                last = error
                continue
            if scheme == "http":
                return plain
            try:
                return self._tls.wrap_socket(plain, server_hostname=host)
            except BaseException:
                plain.close()
                raise
        raise last or OSError(f"{host} has no address")

    def _addresses(self, scheme: str, host: str, port: int) -> list[str]:
        """All that the name has, each of which may be connected to."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise NotFetched(f"there is no host {host[:253]}") from error
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        for address in addresses:
            if (why := why_closed(address, trusted=self._trusted)) is not None:
                raise NotFetched(f"{host} cannot be used: its address is closed ({why})")
            if scheme == "http" and not self._is_own(address):
                raise NotFetched(f"{host} must be asked over https")
        return addresses

    def _is_own(self, address: str) -> bool:
        given = ipaddress.ip_address(address)
        return given.is_loopback and any(
            given.version == one.version and given in one for one in self._trusted
        )


def _parts(url: str) -> tuple[str, str, int, str]:
    wrong = NotFetched("its address is no plain https URL")
    if (
        len(url) > LONGEST_URL
        or not (url.isascii() and url.isprintable())
        or set(url) & set(' \\"<>')
    ):
        raise wrong
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise wrong from None
    if (
        parts.scheme not in ("https", "http")
        or not parts.hostname
        or "@" in parts.netloc
        or port == 0
    ):
        raise wrong
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80), target


def _body(
    answer: http.client.HTTPResponse, connected: socket.socket, until: float, host: str
) -> bytes:
    found = bytearray()
    while True:
        connected.settimeout(_left(until))
        chunk = answer.read1(64 * 1024)
        if not chunk:
            if answer.length:  # the connection was ended under it: by the other side, or by us when the time was over
                raise NotFetched(f"{host} stopped before its answer was whole")
            return bytes(found)
        found += chunk
        if len(found) > MOST_BYTES:
            raise NotFetched(f"{host} answered with more than {MOST_BYTES // 1024} KiB")


@contextlib.contextmanager
def _ended_at(until: float, connected: socket.socket) -> Iterator[None]:
    """A header that comes byte by byte is within the time of each read: the connection is ended under it."""

    def end() -> None:
        with contextlib.suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(_left(until), end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("too slow")
    return left
