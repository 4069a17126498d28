"""Does any of an endpoint's policies let this caller in? The same code on a laptop and at the gateway."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from wistro.auth import api_key, basic, hmac
from wistro.auth.parts import Allowed, Parts, Refused, Unverifiable
from wistro.errors import UserError

if TYPE_CHECKING:
    from wistro.auth.keys import Fetch, Keys

Verdict = Allowed | Refused | Unverifiable

MAX_IDEMPOTENCY_KEY = 255


class CallRefused(UserError):
    """The caller is not one that the endpoint's policies let in; why is told to the team alone."""

    code = "call.refused"
    hint = "Send the credentials that this endpoint asks for."
    status = 401


class CallUnverifiable(UserError):
    """What verifies the caller cannot be had now, such as an identity provider's keys."""

    code = "call.unverifiable"
    hint = "Try again after the time in Retry-After."
    status = 503


class BadIdempotencyKey(UserError):
    """An Idempotency-Key that is empty, too long, sent twice or not plain ASCII."""

    code = "call.idempotency-key"
    hint = f"Send one Idempotency-Key of 1 to {MAX_IDEMPOTENCY_KEY} printable ASCII characters."


class Verifier:
    """Verifies callers, and has identity providers' keys at hand for it. What oidc needs is imported with its first call."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._keys: Keys | None = None

    async def prepare(self, policies: list[dict[str, Any]], parts: Parts, *, now_us: int) -> None:
        """Have at hand what `verify` of this call needs; returns at once where that is nothing new."""
        issuers = {policy["issuer"] for policy in policies if policy["type"] == "oidc"}
        if not issuers:
            return
        from wistro.auth import oidc
        from wistro.auth.keys import Keys

        if self._keys is None:
            self._keys = Keys(self._fetch)
        token = oidc.token_of(parts)
        if token is not None and (kid := oidc.key_id(token)) is not None:
            have = self._keys.have
            await asyncio.gather(*(have(issuer, kid, now_us=now_us) for issuer in issuers))

    def verify(self, policies: list[dict[str, Any]], parts: Parts, *, now_us: int) -> Verdict:
        return verify(policies, parts, now_us=now_us, keys=self._keys)

    async def close(self) -> None:
        if self._keys is not None:
            await self._keys.close()


def verify(
    policies: list[dict[str, Any]], parts: Parts, *, now_us: int, keys: Keys | None = None
) -> Verdict:
    """Any-of over resolved policies; no policy means public. Never raises for what a caller sent."""
    if not policies:
        return Allowed()
    refused, unverifiable = [], []
    for policy in policies:
        verdict = _verify_one(policy, parts, now_us, keys)
        if isinstance(verdict, Allowed):
            return verdict
        (unverifiable if isinstance(verdict, Unverifiable) else refused).append(verdict.reason)
    if unverifiable:
        return Unverifiable("; ".join([*unverifiable, *refused]))
    return Refused("; ".join(refused))


def _verify_one(policy: dict[str, Any], parts: Parts, now_us: int, keys: Keys | None) -> Verdict:
    kind = policy["type"]
    if kind == "api_key":
        return api_key.verify(policy, parts)
    if kind == "basic":
        return basic.verify(policy, parts)
    if kind == "hmac":
        return hmac.verify(policy, parts, now_us=now_us)
    if kind == "oidc" and keys is not None:
        from wistro.auth import oidc

        return oidc.verify(policy, parts, now_us=now_us, keys=keys)
    return Refused(f"`{kind}` is a kind that this release does not know")


def sender_id(allowed: Allowed, parts: Parts) -> str | None:
    """The key of the stored answer: the verified sender's own id, else the caller's Idempotency-Key.

    A key is one caller's: it carries whose it is, so that no caller is given another's answer.
    Raises BadIdempotencyKey.
    """
    if allowed.sender_id is not None:
        return allowed.sender_id
    keys = [value for name, value in parts.headers if name == "idempotency-key"]
    if not keys:
        return None
    key = keys[0]
    if len(keys) > 1 or not 0 < len(key) <= MAX_IDEMPOTENCY_KEY or not _is_plain(key):
        raise BadIdempotencyKey("the Idempotency-Key cannot be used")
    claims = allowed.claims or {}
    # A colon in a name is none of the three: `a` with `b:c` is not `a:b` with `c`.
    return f"key:{quote(_whose(claims), safe='/@ ')}:{key}"


def _whose(claims: dict[str, Any]) -> str:
    if claims.get("type") == "oidc":
        return (
            f"{claims['iss']} {claims.get('sub') or claims.get('client_id') or claims.get('azp')}"
        )
    return claims.get("key") or claims.get("user") or claims.get("preset") or "public"


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()
