"""OpenID providers' public keys: discovered, cached, refreshed, and never another's.

`have` (async) fetches what a call may need; `of` (sync) says what is at hand, so that a caller's verdict and the draw are
one step. One fetch of an issuer is under way at a time, at most one begins in 30 s, and what was fetched is served for
24 h when the provider is away. After that its tokens are not verified by anyone.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

from wistro.auth.fetch import Fetched, NotFetched

log = logging.getLogger("wistro.auth")

DISCOVERY = "/.well-known/openid-configuration"
MOST_BYTES = 256 * 1024
MOST_KEYS = 100
LEAST_RSA_BITS = 2048
FRESH_US = 10 * 60 * 1_000_000  # unless the provider's max-age says less or more
LEAST_FRESH_US, MOST_FRESH_US = 60 * 1_000_000, 24 * 3600 * 1_000_000
STALE_US = 24 * 3600 * 1_000_000
AGAIN_US = 30 * 1_000_000
WAIT_S = 5.0
MOST_ISSUERS = 1_000
_KINDS = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age=(\d{1,9})(?:$|[,\s])")

Fetch = Callable[[str], Awaitable[Fetched]]


@dataclass
class _Issuer:
    keys: dict[str, Any] = field(default_factory=dict)  # by kid
    fetched_us: int = 0
    fresh_until_us: int = 0
    tried_us: int = -AGAIN_US
    why: str = "its keys were not asked for yet"  # the last fetch brought none
    fetching: asyncio.Task[None] | None = None


class Keys:
    """`fetch` gets an https URL whole, with its sizes and its address checked; raises NotFetched."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._issuers: dict[str, _Issuer] = {}

    def of(self, issuer: str, kid: str, *, now_us: int) -> Any | str | None:
        """The key; None when the issuer has no such key; or why the issuer's keys cannot be had."""
        known = self._issuers.get(issuer)
        if known is None or not known.fetched_us or now_us > known.fetched_us + STALE_US:
            why = known.why if known else "its keys were not asked for yet"
            return f"the keys of {issuer} cannot be had: {why}"
        return known.keys.get(kid)

    async def have(self, issuer: str, kid: str | None, *, now_us: int) -> None:
        """Returns when the issuer's keys are as new as may be asked for now; never raises."""
        known = self._issuers.get(issuer)
        if known is None:
            if len(self._issuers) >= MOST_ISSUERS:
                self._forget_oldest()
            known = self._issuers[issuer] = _Issuer()
        is_known = kid is None or kid in known.keys
        if known.fetched_us and now_us < known.fresh_until_us and is_known:
            return
        if known.fetching is None and now_us - known.tried_us >= AGAIN_US:
            known.tried_us = now_us
            known.fetching = asyncio.create_task(self._refresh(issuer, known, now_us))
        if known.fetching is None or (is_known and known.fetched_us):
            return  # nothing newer can be had now; or what is at hand serves while it is fetched
        await asyncio.wait([known.fetching], timeout=WAIT_S)

    async def close(self) -> None:
        tasks = [one.fetching for one in self._issuers.values() if one.fetching]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget_oldest(self) -> None:
        idle = [(one.tried_us, name) for name, one in self._issuers.items() if one.fetching is None]
        if idle:
            del self._issuers[min(idle)[1]]

    async def _refresh(self, issuer: str, known: _Issuer, now_us: int) -> None:
        started = time.monotonic()
        try:
            async with asyncio.timeout(WAIT_S * 2):
                keys, max_age_us = await self._fetched(issuer)
        except TimeoutError:
            known.why = "it took too long to answer"
        except NotFetched as error:
            known.why = str(error)
        else:
            known.keys, known.why = keys, ""
            known.fetched_us = now_us + int((time.monotonic() - started) * 1e6)
            known.fresh_until_us = known.fetched_us + max_age_us
        finally:
            known.fetching = None
        if known.why:
            log.warning("the keys of %s were not fetched: %s", issuer, known.why)

    async def _fetched(self, issuer: str) -> tuple[dict[str, Any], int]:
        described = _json(await self._fetch(issuer.rstrip("/") + DISCOVERY), "its description")
        if described.get("issuer") != issuer:
            raise NotFetched("its description names another issuer")
        url = described.get("jwks_uri")
        if not isinstance(url, str):
            raise NotFetched("its description names no jwks_uri")
        answer = await self._fetch(url)
        found = _json(answer, "its keys").get("keys")
        if not isinstance(found, list) or len(found) > MOST_KEYS:
            raise NotFetched(f"it has no list of at most {MOST_KEYS} keys")
        keys = _usable(found)
        if not keys:
            raise NotFetched("none of its keys can be used")
        return keys, _max_age_us(answer.cache_control)


def _json(answer: Fetched, what: str) -> dict[str, Any]:
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise NotFetched(f"{what} is no JSON") from error
    if not isinstance(found, dict):
        raise NotFetched(f"{what} is no JSON object")
    return found


def _usable(found: list[Any]) -> dict[str, Any]:
    """Public signing keys by kid. One that two keys share is nobody's: which was meant cannot be known."""
    keys: dict[str, Any] = {}
    twice: set[str] = set()
    for one in found:
        if not isinstance(one, dict) or not isinstance(one.get("kid"), str):
            continue
        kid, kind = one["kid"], _KINDS.get(str(one.get("kty")))
        if kind is None or one.get("use", "sig") != "sig" or "d" in one:
            continue
        if "verify" not in one.get("key_ops", ["verify"]):
            continue
        if (key := _key(kind, one)) is None:
            continue
        if kid in keys:
            twice.add(kid)
        keys[kid] = key
    return {kid: key for kid, key in keys.items() if kid not in twice}


def _key(kind: Any, described: dict[str, Any]) -> Any | None:
    """None for what is no key, and for an RSA key that is too short to be believed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # of a short key: it is refused below
            key = kind.import_key(
                {name: one for name, one in described.items() if name != "key_ops"}
            )
        is_weak = isinstance(key, RSAKey) and key.public_key.key_size < LEAST_RSA_BITS
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return None if is_weak else key


def _max_age_us(cache_control: str) -> int:
    found = _MAX_AGE.search(cache_control.lower())
    asked = int(found[1]) * 1_000_000 if found else FRESH_US
    return max(LEAST_FRESH_US, min(asked, MOST_FRESH_US))
