"""A bearer token of an OpenID provider, verified with that provider's published keys (keys.py).

What is refused before any key is looked for: a token over 8 KiB, base64url that is not canonical, JSON with a key twice,
an algorithm that the policy does not list, and every header by which a token could choose its own key or form
(RFC 8725: jku, x5u, x5c, jwk, crit, zip, b64, nested and encrypted tokens).
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import warnings
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning

from wistro.auth.keys import Keys
from wistro.auth.parts import Allowed, Parts, Refused, Unverifiable

MAX_TOKEN = 8 * 1024
DEFAULT_LEEWAY_S = 10
FOREIGN = ("jku", "x5u", "x5c", "x5t", "x5t#S256", "jwk", "crit", "zip", "b64", "enc")
TYPES = (None, "jwt", "at+jwt", "application/at+jwt")


class Unfit(Exception):
    """Why a token is refused, for the team."""


def token_of(parts: Parts) -> str | None:
    """The bearer token; None when there is no single one."""
    header = parts.only("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    return token if scheme.lower() == "bearer" and token else None


def key_id(token: str) -> str | None:
    """The `kid` that a token names, unverified: to know which keys to have at hand."""
    try:
        kid = _header(token).get("kid")
    except Unfit:
        return None
    return kid if isinstance(kid, str) else None


def verify(
    policy: dict[str, Any], parts: Parts, *, now_us: int, keys: Keys
) -> Allowed | Refused | Unverifiable:
    token = token_of(parts)
    if token is None:
        return Refused("oidc: no single `authorization: Bearer …` header")
    try:
        header = _checked_header(policy, token)
        issuer = policy["issuer"]
        found = keys.of(issuer, header["kid"], now_us=now_us)
        if isinstance(found, str):
            return Unverifiable(f"oidc: {found}")
        if found is None:
            raise Unfit(f"kid: `{_short(header['kid'])}` is no key of {issuer}")
        claims = _claims(token, found, header)
        _check(policy, claims, now_s=now_us / 1e6)
    except Unfit as unfit:
        return Refused(f"oidc: {unfit}")
    return Allowed({**claims, "type": "oidc"})


def _checked_header(policy: dict[str, Any], token: str) -> dict[str, Any]:
    header = _header(token)
    if foreign := [name for name in FOREIGN if name in header]:
        raise Unfit(f"header `{foreign[0]}` is not accepted")
    algorithm = header.get("alg")
    if algorithm not in policy["algorithms"]:
        raise Unfit(f"alg: got {_short(algorithm)}, want {' or '.join(policy['algorithms'])}")
    kind = header.get("typ")
    if (kind.lower() if isinstance(kind, str) else kind) not in TYPES:
        raise Unfit(f"typ: got {_short(kind)}, want JWT")
    if "cty" in header:
        raise Unfit("a token in a token is not accepted")
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid or len(kid) > 256:
        raise Unfit("no `kid` says which key signed it")
    return header


def _header(token: str) -> dict[str, Any]:
    if len(token) > MAX_TOKEN:
        raise Unfit(f"the token is over {MAX_TOKEN // 1024} KiB")
    parts = token.split(".")
    if len(parts) != 3:
        raise Unfit(f"the token has {len(parts)} parts; a signed one has 3")
    head, payload, signature = (_canonical(part) for part in parts)
    if not payload or not signature:
        raise Unfit("the token has an empty part")
    return _object(head, "header")


def _canonical(part: str) -> bytes:
    """base64url without padding, spelled in the one way that its bytes have."""
    try:
        found = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unfit("the token is not base64url") from error
    if base64.urlsafe_b64encode(found).rstrip(b"=").decode() != part:
        raise Unfit("the token is not canonical base64url")
    return found


def _object(data: bytes, what: str) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) != len(pairs):
            raise Unfit(f"the token's {what} names a key twice")
        return dict(pairs)

    def no_constant(name: str) -> Any:
        raise Unfit(f"the token's {what} holds {name}")

    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=once, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise Unfit(f"the token's {what} is no JSON") from error
    if not isinstance(found, dict):
        raise Unfit(f"the token's {what} is no JSON object")
    return found


def _claims(token: str, key: Any, header: dict[str, Any]) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", SecurityWarning
            )  # of the name EdDSA (RFC 9864), which providers use
            signed = jws.deserialize_compact(token, key, algorithms=[header["alg"]])
    except (JoseError, ValueError, TypeError) as error:
        raise Unfit("the signature is not of the issuer's key, or the token was changed") from error
    return _object(signed.payload, "payload")


def _check(policy: dict[str, Any], claims: dict[str, Any], *, now_s: float) -> None:
    leeway = policy.get("leeway", DEFAULT_LEEWAY_S)
    if claims.get("iss") != policy["issuer"]:
        raise Unfit(f"issuer: got {_short(claims.get('iss'))}, want {policy['issuer']}")
    _check_audience(policy["audience"], claims.get("aud"))
    expires = _time(claims, "exp")
    if expires is None:
        raise Unfit("exp: a token that never expires is not accepted")
    if now_s >= expires + leeway:
        raise Unfit(f"exp: expired {now_s - expires:.0f} s ago")
    for name in ("nbf", "iat"):
        if (at := _time(claims, name)) is not None and at > now_s + leeway:
            raise Unfit(f"{name}: {at - now_s:.0f} s from now")
    _check_scopes(policy.get("scopes", []), claims)
    for name, wanted in policy.get("claims", {}).items():
        _check_claim(name, wanted, claims)


def _check_audience(wanted: list[str], given: Any) -> None:
    listed = given if isinstance(given, list) else [given]
    if not listed or not all(isinstance(one, str) for one in listed):
        raise Unfit(f"audience: got {_short(given)}, want {' or '.join(wanted)}")
    if not set(listed) & set(wanted):
        raise Unfit(f"audience: got {_short(', '.join(listed))}, want {' or '.join(wanted)}")


def _time(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Unfit(f"{name}: {_short(value)} is no time")
    if abs(value) > 1e11:
        raise Unfit(f"{name}: {_short(value)} is no number of seconds")
    return float(value)


def _check_scopes(wanted: list[str], claims: dict[str, Any]) -> None:
    """`scope` with spaces between (RFC 8693), or a list in `scope` or `scp`, as some providers have it."""
    given = claims.get("scope", claims.get("scp", ""))
    scopes = (
        given.split(" ") if isinstance(given, str) else given if isinstance(given, list) else []
    )
    if missing := [one for one in wanted if one not in scopes]:
        raise Unfit(f"scope: got {_short(given)}, want {' '.join(wanted)} (without {missing[0]})")


def _check_claim(name: str, wanted: list[Any], claims: dict[str, Any]) -> None:
    given = claims.get(name)
    values = given if isinstance(given, list) else [given]
    # JSON's true is not its 1, though Python's is.
    if not any(type(one) is type(want) and one == want for one in values for want in wanted):
        want = " or ".join(map(str, wanted))
        raise Unfit(f"claim {name}: got {_short(given)}, want {want}")


def _short(value: Any) -> str:
    if value is None:
        return "none"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=True)
    text = "".join(one if one.isprintable() else "?" for one in text)
    return text if len(text) <= 120 else text[:119] + "…"
