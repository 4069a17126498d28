"""A body signed with a shared secret: GitHub's way and the Standard Webhooks way.

Over the raw bytes, in constant time, with each of the live secrets. GitHub signs neither a time nor
its delivery id, so an old delivery can be sent again by whoever has it; the id only keeps GitHub's own
redelivery from counting twice. Standard Webhooks (spec/standard-webhooks.md) signs both.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from hmac import compare_digest, digest
from typing import Any

from wistro.auth.parts import Allowed, Parts, Refused

TOLERANCE_S = 300
MAX_ID = 255
MAX_SIGNATURES = 16
_SECRET_PREFIX = "whsec_"


def verify(policy: dict[str, Any], parts: Parts, *, now_us: int) -> Allowed | Refused:
    """`policy` is resolved: {preset, secret: [value…]}."""
    if policy["preset"] == "github":
        return _github(policy["secret"], parts)
    if policy["preset"] == "standard-webhooks":
        return _standard_webhooks(policy["secret"], parts, now_s=now_us // 1_000_000)
    return Refused(f"hmac: preset `{policy['preset']}` is unknown here")


def sign_github(secret: str, body: bytes) -> str:
    """The value of X-Hub-Signature-256."""
    return "sha256=" + digest(secret.encode(), body, hashlib.sha256).hex()


def sign_standard_webhooks(secret: str, body: bytes, *, id: str, timestamp_s: int) -> str:
    """The value of webhook-signature."""
    signed = f"{id}.{timestamp_s}.".encode() + body
    return "v1," + base64.b64encode(digest(_webhook_key(secret), signed, hashlib.sha256)).decode()


def _github(secrets: list[str], parts: Parts) -> Allowed | Refused:
    signature = parts.only("x-hub-signature-256")
    if signature is None:
        return Refused("hmac github: no single X-Hub-Signature-256")
    expected = [sign_github(secret, parts.body) for secret in secrets]
    if not _any_equal([signature], expected):
        return Refused("hmac github: the signature is of another secret or body")
    id = parts.only("x-github-delivery")
    if id is not None and not _is_id(id):
        return Refused("hmac github: X-GitHub-Delivery is no id")
    return Allowed({"type": "hmac", "preset": "github"}, f"github:{id}" if id else None)


def _standard_webhooks(secrets: list[str], parts: Parts, *, now_s: int) -> Allowed | Refused:
    id, timestamp = parts.only("webhook-id"), parts.only("webhook-timestamp")
    signatures = parts.only("webhook-signature")
    if id is None or timestamp is None or signatures is None:
        return Refused("hmac standard-webhooks: not one each of webhook-id, -timestamp, -signature")
    if not _is_id(id):
        return Refused("hmac standard-webhooks: webhook-id is no id")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return Refused("hmac standard-webhooks: webhook-timestamp is no number of seconds")
    if abs(now_s - int(timestamp)) > TOLERANCE_S:
        return Refused(f"hmac standard-webhooks: signed more than {TOLERANCE_S} s from now")
    given = [one for one in signatures.split(" ")[:MAX_SIGNATURES] if one.startswith("v1,")]
    signed = f"{id}.{timestamp}.".encode("latin-1") + parts.body
    expected = []
    for secret in secrets:
        mac = digest(_webhook_key(secret), signed, hashlib.sha256)
        expected.append("v1," + base64.b64encode(mac).decode())
    if not _any_equal(given, expected):
        return Refused("hmac standard-webhooks: no signature is of this secret, id, time and body")
    return Allowed({"type": "hmac", "preset": "standard-webhooks"}, f"webhook:{id}")


def _webhook_key(secret: str) -> bytes:
    """`whsec_` and base64; anything else is taken as it is."""
    if secret.startswith(_SECRET_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            pass
    return secret.encode()


def _any_equal(given: list[str], expected: list[str]) -> bool:
    """Every pair is compared, so that time tells nothing about which secret is live."""
    found = False
    for one in given:
        for other in expected:
            found |= compare_digest(one.encode("latin-1", "replace"), other.encode())
    return found


def _is_id(text: str) -> bool:
    return 0 < len(text) <= MAX_ID and text.isascii() and text.isprintable() and " " not in text
