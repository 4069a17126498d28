"""The fleet's client of the machine API (wistro.protocol.machine): who we are, ask, send, fetch.

A machine registers once with the pool's token and keeps its own in a 0600 file, so that it starts with
the Hub down; a token that the Hub no longer knows is replaced by registering again. What agents,
builders and gateways say stands in their own folders.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import httpx
import msgspec

from runner.paths import private_folder, write_private
from runner.settings import Settings
from wistro.errors import UserError
from wistro.protocol import PROTOCOL
from wistro.protocol.machine import Registered, Registration

log = logging.getLogger("runner.hub")
T = TypeVar("T")
R = TypeVar("R")
BASE = "/machine/v1"
TIMEOUT = httpx.Timeout(10.0, connect=3.0)
CHUNK = 1024 * 1024


class HubGone(Exception):
    """The Hub did not answer, or answered that it cannot now (5xx, 429): ask again later."""


class HubRefused(Exception):
    """The Hub understood and said no (4xx): asking again changes nothing."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code = status, code


class BlobDiffers(Exception):
    """What came is not what its sha256 says."""


class UnknownProtocol(UserError):
    """The Hub speaks a protocol that this fleet does not."""

    code = "runner.protocol"
    hint = "Bring the fleet's machines to the Hub's release (one behind it still works)."


class NoPoolToken(UserError):
    """A machine without a token of its own has no pool token to register with."""

    code = "runner.pool-token"
    hint = "Set WISTRO_POOL_TOKEN to the Hub's."


class Fresh(NamedTuple, Generic[T]):
    """What a conditional GET brought; its `etag`, sent with the next one, says that it is applied."""

    value: T
    etag: str | None


def backoff_s(
    *, first_s: float = 0.2, cap_s: float = 5.0, jitter: random.Random
) -> Iterator[float]:
    """Waits for ever: doubling up to the cap, each a random part of that (full jitter)."""
    limit_s = first_s
    while True:
        yield jitter.uniform(0, limit_s)
        limit_s = min(limit_s * 2, cap_s)


class Hub:
    """One machine's way to the Hub. `kind` is agent | builder | gateway."""

    def __init__(
        self,
        settings: Settings,
        *,
        kind: str,
        sandbox: dict[str, str] | None = None,
        jitter: random.Random | None = None,
    ) -> None:
        self._settings = settings
        self._registration = Registration(
            protocol=PROTOCOL, kind=kind, name=f"{settings.name}-{kind}", sandbox=sandbox or {}
        )
        self._jitter = jitter or random.Random()
        self._file = private_folder(settings.data) / "machine.json"
        self._registered: Registered | None = _kept(self._file)
        self._registering = asyncio.Lock()
        self._client = httpx.AsyncClient(
            base_url=settings.machines_url.rstrip("/") + BASE,
            timeout=TIMEOUT,
            verify=_trust(settings.extra_ca),
            trust_env=False,  # no proxy variable may lead the fleet's tokens elsewhere
        )

    @property
    def machine_id(self) -> str | None:
        """Ours, once registered."""
        return self._registered.machine_id if self._registered else None

    async def close(self) -> None:
        await self._client.aclose()

    async def register(self) -> Registered:
        """Say who we are (again: with today's sandbox) and keep the token. Raises HubGone, HubRefused."""
        if not self._settings.pool_token:
            raise NoPoolToken("WISTRO_POOL_TOKEN is not set")
        response = await self._exchange(
            "POST",
            "/register",
            token=self._settings.pool_token,
            content=msgspec.json.encode(self._registration),
        )
        registered = _decoded(response, Registered)
        await asyncio.to_thread(write_private, self._file, msgspec.json.encode(registered))
        self._registered = registered
        log.info("registered as %s", registered.machine_id)
        return registered

    async def get_if_changed(
        self, path: str, type: type[T], *, etag: str | None
    ) -> Fresh[T] | None:
        """A conditional GET; None when what `etag` names is still the newest."""
        headers = {"if-none-match": etag} if etag else {}
        response = await self._ask("GET", path, headers=headers)
        if response.status_code == 304:
            return None
        return Fresh(_decoded(response, type), response.headers.get("etag"))

    async def get(self, path: str, type: type[T]) -> T:
        return _decoded(await self._ask("GET", path), type)

    async def send(
        self, path: str, message: Any = None, *, answer: type[T] | None = None, tries: int = 1
    ) -> T | None:
        """POST a message; the answer, or None for 204. More `tries` for what may be sent twice."""
        content = b"" if message is None else msgspec.json.encode(message)
        waits = backoff_s(jitter=self._jitter)
        while True:
            tries -= 1
            try:
                response = await self._ask("POST", path, content=content)
                break
            except HubGone as error:
                if tries <= 0:
                    raise
                log.warning("%s: %s; trying again", path, error)
                await asyncio.sleep(next(waits))
        if response.status_code == 204 or answer is None:
            return None
        return _decoded(response, answer)

    async def upload(self, sha256: str, content: bytes | Path) -> None:
        """PUT one blob."""
        path = f"/blobs/{sha256}"
        headers = {"content-type": "application/octet-stream"}
        if isinstance(content, bytes):
            await self._ask("PUT", path, content=content, headers=headers)
            return
        size = (await asyncio.to_thread(content.stat)).st_size
        headers["content-length"] = str(size)

        async def put(token: str) -> httpx.Response:  # the file is read again for a second try
            return await self._exchange(
                "PUT", path, token=token, content=_chunks(content), headers=headers
            )

        await self._with_token(put)

    async def download(self, sha256: str, to: Path) -> None:
        """GET one blob into a file that appears whole and verified, or raise BlobDiffers and leave none."""
        part = to.with_name(f".{to.name}.part")

        async def fetch(token: str) -> str:
            digest = hashlib.sha256()
            headers = {"authorization": f"Bearer {token}"}
            async with self._client.stream("GET", f"/blobs/{sha256}", headers=headers) as response:
                if response.status_code != 200:
                    await response.aread()
                    _raise_for(response)
                with part.open("wb") as file:
                    async for chunk in response.aiter_bytes(CHUNK):
                        digest.update(chunk)
                        file.write(chunk)
            return digest.hexdigest()

        try:
            came = await self._with_token(fetch)
            if came != sha256:
                raise BlobDiffers(f"blob {sha256} came as {came}")
            part.replace(to)
        except httpx.HTTPError as error:
            raise HubGone(f"GET blob: {error!r}") from error
        finally:
            part.unlink(missing_ok=True)

    async def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        return await self._with_token(
            lambda token: self._exchange(method, path, token=token, **options)
        )

    async def _with_token(self, do: Callable[[str], Awaitable[R]]) -> R:
        """Do it under our token; one that the Hub no longer knows is replaced, once."""
        token = await self._token()
        try:
            return await do(token)
        except HubRefused as refused:
            if refused.status != 401:
                raise
        log.warning("the Hub does not know our token: registering again")
        await self._register_instead_of(token)
        return await do(await self._token())

    async def _token(self) -> str:
        if self._registered is None:
            await self._register_instead_of(None)
        assert self._registered is not None
        return self._registered.token

    async def _register_instead_of(self, token: str | None) -> None:
        """Several askers may find the same token dead; one registers."""
        async with self._registering:
            if (self._registered.token if self._registered else None) == token:
                await self.register()

    async def _exchange(
        self,
        method: str,
        path: str,
        *,
        token: str,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> httpx.Response:
        sent = {"content-type": "application/json", "authorization": f"Bearer {token}"}
        try:
            response = await self._client.request(
                method, path, headers=sent | (headers or {}), **options
            )
        except httpx.HTTPError as error:
            raise HubGone(f"{method} {path}: {error!r}") from error
        if response.status_code != 304:
            _raise_for(response)
        return response


def check_protocol(spoken: int) -> None:
    """Raises UnknownProtocol unless the Hub's is ours or one that this release still understands."""
    if spoken not in (PROTOCOL, PROTOCOL - 1):
        raise UnknownProtocol(f"the Hub speaks protocol {spoken}, this machine {PROTOCOL}")


def _raise_for(response: httpx.Response) -> None:
    status = response.status_code
    if status >= 500 or status in (408, 429):
        raise HubGone(f"{response.request.method} {response.request.url.path}: {status}")
    if status >= 300:
        code, message = "", response.text[:200]
        try:
            error = response.json()["error"]
            code, message = str(error["code"]), str(error["message"])
        except (ValueError, KeyError, TypeError):
            pass
        raise HubRefused(status, code, message)


def _decoded(response: httpx.Response, type: type[T]) -> T:
    try:
        return msgspec.json.decode(response.content, type=type)
    except msgspec.MsgspecError as error:
        raise HubGone(f"{response.request.url.path}: unreadable answer: {error}") from error


def _kept(file: Path) -> Registered | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Registered)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def _trust(extra_ca: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if extra_ca:
        context.load_verify_locations(extra_ca)
    return context


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
