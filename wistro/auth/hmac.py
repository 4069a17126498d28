"""A body signed with a shared secret, in the way that a scheme (presets.py) describes.

Over the raw bytes, in constant time, with each of the live secrets. Where the sender signs a time, an old message is
refused; GitHub, GitLab and Shopify sign none, so who has an old delivery can send it again: the sender's id then only
keeps it from counting twice.
"""

from __future__ import annotations

import base64
import binascii
import json
from hmac import compare_digest, digest
from typing import Any

from wistro.auth.parts import Allowed, Parts, Refused
from wistro.auth.presets import PRESETS, Scheme, scheme

MAX_ID = 255
MAX_SIGNATURES = 16
MAX_SIGNATURE = 4096


def verify(policy: dict[str, Any], parts: Parts, *, now_us: int) -> Allowed | Refused:
    """`policy` is resolved: {preset | header …, secret: [value…]}."""
    preset = policy.get("preset")
    if preset is not None and preset not in PRESETS:
        return Refused(f"hmac: preset `{preset}` is unknown here")
    name = f"hmac {preset}" if preset else "hmac"
    try:
        return _verify(scheme(policy), policy, parts, now_s=now_us // 1_000_000, name=name)
    except _Unfit as unfit:
        return Refused(f"{name}: {unfit}")


class _Unfit(Exception):
    """What of the call does not fit the scheme."""


def _verify(
    how: Scheme, policy: dict[str, Any], parts: Parts, *, now_s: int, name: str
) -> Allowed | Refused:
    given, timestamp = _given(how, parts)
    if how.timestamp_header is not None:
        timestamp = _single(parts, how.timestamp_header)
    if how.has_time:
        _check_age(timestamp, now_s, how.tolerance_s)
    id = parts.only(how.id_header) if how.id_header else None
    if id is None and "{id}" in how.signed:
        raise _Unfit(f"no single {how.id_header} header")
    if id is not None and not _is_id(id):
        raise _Unfit(f"{how.id_header} is no id")
    expected = [
        _expected(how, secret, parts.body, id=id, timestamp=timestamp)
        for secret in policy["secret"]
    ]
    if not _any_equal(given, expected):
        raise _Unfit("the signature is of another secret, body, id or time")
    if id is None and how.id_field is not None:
        id = _field(parts.body, how.id_field)
    claims = {"type": "hmac"} | ({"preset": policy["preset"]} if "preset" in policy else {})
    return Allowed(claims, f"{policy.get('preset', 'hmac')}:{id}" if id else None)


def sign(
    how: Scheme, secret: str, body: bytes, *, id: str | None = None, timestamp: str | None = None
) -> str:
    """The signature as it stands in the header, with its prefix; in Stripe's style, the whole header."""
    signature = _expected(how, secret, body, id=id, timestamp=timestamp)
    return f"t={timestamp},v1={signature}" if how.style == "pairs" else signature


def sign_github(secret: str, body: bytes) -> str:
    """The value of X-Hub-Signature-256."""
    return sign(PRESETS["github"], secret, body)


def sign_standard_webhooks(secret: str, body: bytes, *, id: str, timestamp_s: int) -> str:
    """The value of webhook-signature."""
    return sign(PRESETS["standard-webhooks"], secret, body, id=id, timestamp=str(timestamp_s))


def _given(how: Scheme, parts: Parts) -> tuple[list[str], str | None]:
    """The signatures that came, each with its prefix, and in Stripe's style the time among them."""
    header = _single(parts, how.header)
    if len(header) > MAX_SIGNATURE:
        raise _Unfit(f"{how.header} is too long")
    if how.style == "list":
        listed = header.split(" ")[:MAX_SIGNATURES]
        return [one for one in listed if one.startswith(how.prefix)], None
    if how.style == "pairs":
        pairs = [one.strip().partition("=") for one in header.split(",")[: MAX_SIGNATURES + 1]]
        times = [value for name, _, value in pairs if name == "t"]
        if len(times) != 1:
            raise _Unfit(f"{how.header} has no single `t`")
        return [value for name, _, value in pairs if name == "v1"], times[0]
    return [header], None


def _single(parts: Parts, header: str) -> str:
    value = parts.only(header)
    if value is None:
        raise _Unfit(f"no single {header} header")
    return value


def _check_age(timestamp: str | None, now_s: int, tolerance_s: int) -> None:
    if timestamp is None or not (
        timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12
    ):
        raise _Unfit("its time is no number of seconds")
    if abs(now_s - int(timestamp)) > tolerance_s:
        raise _Unfit(f"signed more than {tolerance_s} s from now")


def _expected(
    how: Scheme, secret: str, body: bytes, *, id: str | None, timestamp: str | None
) -> str:
    if how.style == "token":
        return secret
    before, _, after = how.signed.partition("{body}")
    signed = _filled(before, id, timestamp) + body + _filled(after, id, timestamp)
    mac = digest(_key(secret, how.secret_prefix), signed, how.algorithm)
    text = mac.hex() if how.encoding == "hex" else base64.b64encode(mac).decode()
    return how.prefix + text


def _filled(template: str, id: str | None, timestamp: str | None) -> bytes:
    return (
        template.replace("{id}", id or "").replace("{timestamp}", timestamp or "").encode("latin-1")
    )


def _key(secret: str, prefix: str | None) -> bytes:
    """A secret with the scheme's prefix is base64 after it; anything else is taken as it is."""
    if prefix and secret.startswith(prefix):
        try:
            return base64.b64decode(secret.removeprefix(prefix), validate=True)
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


def _field(body: bytes, name: str) -> str | None:
    """The sender's id in a signed JSON body; None when it has none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    id = value.get(name) if isinstance(value, dict) else None
    return id if isinstance(id, str) and _is_id(id) else None


def _is_id(text: str) -> bool:
    return 0 < len(text) <= MAX_ID and text.isascii() and text.isprintable() and " " not in text
