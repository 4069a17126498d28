"""Does any of an endpoint's policies let this caller in? The same code on a laptop and at the gateway."""

from __future__ import annotations

from typing import Any

from wistro.auth import api_key, hmac
from wistro.auth.parts import Allowed, Parts, Refused
from wistro.errors import UserError

MAX_IDEMPOTENCY_KEY = 255


class CallRefused(UserError):
    """The caller is not one that the endpoint's policies let in; why is told to the team alone."""

    code = "call.refused"
    hint = "Send the credentials that this endpoint asks for."
    status = 401


class BadIdempotencyKey(UserError):
    """An Idempotency-Key that is empty, too long, sent twice or not plain ASCII."""

    code = "call.idempotency-key"
    hint = f"Send one Idempotency-Key of 1 to {MAX_IDEMPOTENCY_KEY} printable ASCII characters."


def verify(policies: list[dict[str, Any]], parts: Parts, *, now_us: int) -> Allowed | Refused:
    """Any-of over resolved policies; no policy means public. Never raises for what a caller sent."""
    if not policies:
        return Allowed()
    reasons = []
    for policy in policies:
        verdict = _verify_one(policy, parts, now_us)
        if isinstance(verdict, Allowed):
            return verdict
        reasons.append(verdict.reason)
    return Refused("; ".join(reasons))


def _verify_one(policy: dict[str, Any], parts: Parts, now_us: int) -> Allowed | Refused:
    if policy["type"] == "api_key":
        return api_key.verify(policy, parts)
    if policy["type"] == "hmac":
        return hmac.verify(policy, parts, now_us=now_us)
    return Refused(f"`{policy['type']}` is a kind that this release does not know")


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
    return f"key:{claims.get('key') or claims.get('preset') or 'public'}:{key}"


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()
