"""HTTP to the Hub: a kept connection a thread, time limits, and a few more tries of what may be sent twice.

A POST is sent once, on a new connection: only one that could not be made is tried again. Redirects are not
followed, so that a token goes nowhere but to the address that it is for.
"""

from __future__ import annotations

import http.client
import os
import ssl
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import msgspec

from wistro import __version__
from wistro.hub_client.address import Address, is_this_machine
from wistro.hub_client.errors import (
    FileChanged,
    HubRefused,
    HubUnreachable,
    HubUnreadable,
    NotSignedIn,
)

CONNECT_S = 10.0
ANSWER_S = 60.0
TRIES = 3
WAIT_S = 0.25  # before the second try, doubled for each further one
LONGEST_WAIT_S = 20.0  # that a Retry-After is heeded
MOST_BYTES = 256 * 1024 * 1024
_TRY_AGAIN = (429, 502, 503, 504)
_BROKEN = (OSError, http.client.HTTPException)

Shape = TypeVar("Shape")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Hub:
    """The Hub at one address as one token sees it. May be shared by threads."""

    def __init__(self, address: Address, token: str | None = None) -> None:
        self.address = address
        self.token = token
        self._local = threading.local()
        self._tls = ssl.create_default_context() if address.is_secure else None

    def get(self, path: str, type: type[Shape], **query: Any) -> Shape:
        asked = {name: value for name, value in query.items() if value is not None}
        target = f"{path}?{urlencode(asked)}" if asked else path
        return self._read(self.ask("GET", target), type)

    def post(self, path: str, body: Any, type: type[Shape]) -> Shape:
        return self._read(self._send("POST", path, body), type)

    def put(self, path: str, body: Any, type: type[Shape]) -> Shape:
        return self._read(self._send("PUT", path, body), type)

    def put_blob(self, path: str, content: bytes | Path) -> None:
        self.ask("PUT", path, content, content_type="application/octet-stream")

    def delete(self, path: str) -> None:
        self.ask("DELETE", path)

    def ask(
        self,
        method: str,
        target: str,
        body: bytes | Path | None = None,
        *,
        content_type: str | None = None,
    ) -> Answer:
        """One request that the Hub said yes to. Raises HubUnreachable, NotSignedIn, HubRefused, HubUnreadable."""
        headers = {"Accept": "application/json", "User-Agent": f"wistro/{__version__}"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if content_type:
            headers["Content-Type"] = content_type
        answer = self._tried(method, target, body, headers)
        if 200 <= answer.status < 300:
            return answer
        raise _refusal(answer, self.address)

    def close(self) -> None:
        """This thread's connection."""
        kept = getattr(self._local, "kept", None)
        if kept is not None:
            kept.close()
        self._local.kept = None

    def _send(self, method: str, path: str, body: Any) -> Answer:
        sent = b"" if body is None else msgspec.json.encode(body)
        return self.ask(method, path, sent, content_type="application/json")

    def _read(self, answer: Answer, type: type[Shape]) -> Shape:
        try:
            return msgspec.json.decode(answer.body or b"null", type=type)
        except msgspec.MsgspecError as error:
            raise HubUnreadable(
                f"{self.address} answers what wistro cannot read: {error}"
            ) from error

    def _tried(
        self, method: str, target: str, body: bytes | Path | None, headers: dict[str, str]
    ) -> Answer:
        wait_s = WAIT_S
        for left in range(TRIES - 1, -1, -1):
            try:
                answer = self._exchange(method, target, body, headers)
            except HubUnreachable as error:
                if not left or not getattr(error, "may_be_sent_again", False):
                    raise
            else:
                if method == "POST" or answer.status not in _TRY_AGAIN or not left:
                    return answer
                wait_s = max(wait_s, _asked_wait_s(answer))
                if wait_s > LONGEST_WAIT_S:
                    return answer
            time.sleep(wait_s)
            wait_s *= 2
        raise AssertionError("unreachable: the last try returns or raises")

    def _exchange(
        self, method: str, target: str, body: bytes | Path | None, headers: dict[str, str]
    ) -> Answer:
        is_new = method == "POST" or getattr(self._local, "kept", None) is None
        if is_new:
            self.close()
            self._local.kept = self._connected()
        kept: http.client.HTTPConnection = self._local.kept
        try:
            answer = _written_and_read(
                kept, method, quote_path(self.address.prefix + target), body, headers
            )
        except _BROKEN as error:
            self.close()
            if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
                raise FileChanged(f"{body} cannot be read any more") from error
            raise self._unreachable(error, again=method != "POST") from error
        except BaseException:
            self.close()  # half a request or answer is on it
            raise
        if kept.sock is None or method == "POST":
            self.close()
        return answer

    def _connected(self) -> http.client.HTTPConnection:
        made = self._made()
        try:
            made.connect()
        except ssl.SSLCertVerificationError as error:
            raise HubUnreachable(
                f"{self.address} shows a certificate that is not trusted: {error.verify_message}",
                hint="Set SSL_CERT_FILE to the file of the authority that signed it.",
            ) from error
        except _BROKEN as error:
            made.close()
            raise self._unreachable(error, again=True) from error
        if made.sock is not None:
            made.sock.settimeout(ANSWER_S)
        return made

    def _made(self) -> http.client.HTTPConnection:
        host, port = self.address.host, self.address.port
        proxy = None if proxy_bypass(host) else getproxies().get("https" if self._tls else "http")
        through = urlsplit(proxy) if proxy and not is_this_machine(host) else None
        at = (through.hostname or "", through.port or 80) if through else (host, port)
        if self._tls is None:
            made = http.client.HTTPConnection(*at, timeout=CONNECT_S, blocksize=1 << 16)
        else:
            made = http.client.HTTPSConnection(
                *at, timeout=CONNECT_S, context=self._tls, blocksize=1 << 16
            )
        if through:
            made.set_tunnel(host, port)
        return made

    def _unreachable(self, error: Exception, *, again: bool) -> HubUnreachable:
        said = HubUnreachable(f"no answer from the Hub at {self.address}: {_reason(error)}")
        said.may_be_sent_again = again  # type: ignore[attr-defined]
        return said


class _Exactly:
    """As many bytes of a file as were announced: one that shrinks or grows meanwhile breaks no connection."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(self._left if size < 0 else min(size, self._left))
        if self._left and not chunk:
            raise FileChanged(f"{self._file.name} became shorter while it was sent")
        self._left -= len(chunk)
        return chunk


def quote_path(target: str) -> str:
    """Unicode in a path is sent percent-encoded; what is encoded already stays."""
    return quote(target, safe="/?&=%+:,~@!$'()*;-._")


def _written_and_read(
    to: http.client.HTTPConnection,
    method: str,
    target: str,
    body: bytes | Path | None,
    headers: dict[str, str],
) -> Answer:
    try:
        if isinstance(body, Path):
            with body.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                length = {"Content-Length": str(size)}
                to.request(method, target, _Exactly(file, size), headers | length)  # type: ignore[arg-type]
        else:
            to.request(method, target, body, headers)
    except (BrokenPipeError, ConnectionResetError):
        # The Hub may have said why before it hung up (413): then its answer can be read.
        answer = to.getresponse()
    else:
        answer = to.getresponse()
    read = answer.read(MOST_BYTES + 1)
    if len(read) > MOST_BYTES:
        raise http.client.HTTPException(f"an answer of over {MOST_BYTES >> 20} MiB")
    return Answer(answer.status, answer.headers, read)


class _Told(msgspec.Struct):
    code: str
    message: str
    hint: str | None = None
    fields: dict[str, str] = {}


class _Refusal(msgspec.Struct):
    error: _Told


def _refusal(answer: Answer, address: Address) -> Exception:
    try:
        told = msgspec.json.decode(answer.body, type=_Refusal).error
    except msgspec.MsgspecError:
        return _strange(answer, address)
    if answer.status == 401:
        return NotSignedIn(told.message)
    return HubRefused(
        told.message,
        http_status=answer.status,
        code=told.code,
        hint=told.hint,
        fields=told.fields,
    )


def _strange(answer: Answer, address: Address) -> Exception:
    if place := answer.headers.get("Location"):
        return HubUnreadable(f"{address} leads to {place}", hint=f"Use that address: --hub {place}")
    if answer.status in _TRY_AGAIN:
        return HubUnreachable(f"{address} answers {answer.status}: the Hub behind it is not there")
    return HubUnreadable(f"{address} answers {answer.status}, not as the Hub does")


def _asked_wait_s(answer: Answer) -> float:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 0.0


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it takes too long"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
