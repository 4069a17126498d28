"""Tokens, forged and real: the provider's keys are of this test, and so is every way to lie about them."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import warnings
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from wistro.auth.fetch import Fetched, NotFetched
from wistro.auth.keys import AGAIN_US, STALE_US
from wistro.auth.parts import Allowed, Parts, Refused, Unverifiable
from wistro.auth.policy import check
from wistro.auth.verify import Verifier, sender_id

ISSUER = "https://id.example.com"
NOW_S = 1_800_000_000
NOW_US = NOW_S * 1_000_000
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"}, private=True)
EC = ECKey.generate_key("P-256", {"kid": "ec", "alg": "ES256"}, private=True)
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"}, private=True)
STRANGER = RSAKey.generate_key(2048, {"kid": "rsa"}, private=True)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that it is weak is what it is for
    WEAK = RSAKey.generate_key(1024, {"kid": "weak"}, private=True)
KEYS = [key.as_dict(private=False) for key in (RSA, EC, ED)]
CLAIMS = {
    "iss": ISSUER,
    "aud": "orders",
    "sub": "ada",
    "exp": NOW_S + 300,
    "iat": NOW_S - 10,
    "scope": "orders:read orders:write",
    "role": "admin",
    "groups": ["a", "b"],
    "verified": True,
}
POLICY = {"type": "oidc", "issuer": ISSUER, "audience": ["orders", "shop"]}


class Provider:
    """Answers by URL, changed by a test; counts what it was asked."""

    def __init__(self, keys: list[dict[str, Any]] | None = None) -> None:
        self.answers: dict[str, Any] = {
            f"{ISSUER}/.well-known/openid-configuration": {
                "issuer": ISSUER,
                "jwks_uri": f"{ISSUER}/keys",
            },
            f"{ISSUER}/keys": {"keys": KEYS if keys is None else keys},
        }
        self.asked: list[str] = []
        self.is_away = False

    async def fetch(self, url: str) -> Fetched:
        self.asked.append(url)
        if self.is_away or url not in self.answers:
            raise NotFetched("there is nothing")
        answer = self.answers[url]
        return Fetched(answer if isinstance(answer, bytes) else json.dumps(answer).encode())


def encoded(value: Any) -> str:
    return raw(json.dumps(value).encode())


def raw(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def forged(header: dict[str, Any], payload: dict[str, Any], key: Any) -> str:
    """Signed whatever its header says: with what a library would not let through."""
    header = {name: value for name, value in header.items() if value is not None}
    signed = f"{encoded(header)}.{encoded(payload)}"
    signature = key.private_key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{raw(signature)}"


def token(claims: dict[str, Any] | None = None, key: Any = RSA, **header: Any) -> str:
    algorithm = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}[key.key_type]
    header = {"alg": algorithm, "kid": key.as_dict(private=False)["kid"]} | header
    header = {name: value for name, value in header.items() if value is not None}
    algorithms = [header["alg"]] if header["alg"] != "none" else ["none"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that EdDSA is the older name
        return jwt.encode(header, CLAIMS if claims is None else claims, key, algorithms=algorithms)


def claims(**change: Any) -> dict[str, Any]:
    return {name: value for name, value in (CLAIMS | change).items() if value is not None}


async def verdict(
    sent: str,
    *,
    provider: Provider | None = None,
    policy: dict[str, Any] | None = None,
    verifier: Verifier | None = None,
    now_us: int = NOW_US,
):
    verifier = verifier or Verifier((provider or Provider()).fetch)
    policies = check(POLICY | (policy or {}))
    parts = Parts([("authorization", f"Bearer {sent}")], b"")
    await verifier.prepare(policies, parts, now_us=now_us)
    return verifier.verify(policies, parts, now_us=now_us)


@pytest.mark.parametrize("key", [RSA, EC, ED], ids=["RS256", "ES256", "EdDSA"])
async def test_a_token_of_the_provider_is_let_in_with_its_claims(key: Any) -> None:
    allowed = await verdict(token(key=key))

    assert isinstance(allowed, Allowed) and allowed.claims is not None
    assert allowed.claims["sub"] == "ada" and allowed.claims["type"] == "oidc"


@pytest.mark.parametrize(
    "change",
    [
        {"aud": ["x", "shop"]},
        {"aud": ["orders"]},
        {"exp": NOW_S + 0.5},
        {"exp": NOW_S - 9},
        {"nbf": NOW_S + 9},
        {"iat": None},
        {"scope": None},
        {"name": "Grüße 🦊"},
    ],
    ids=str,
)
async def test_what_the_specifications_allow_is_let_in(change: dict[str, Any]) -> None:
    assert isinstance(await verdict(token(claims(**change))), Allowed)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"iss": None}, "issuer: got none"),
        ({"iss": ISSUER + "/"}, "issuer"),
        ({"iss": ISSUER.upper()}, "issuer"),
        ({"iss": "https://evil.example.com"}, "issuer: got https://evil.example.com"),
        ({"iss": [ISSUER]}, "issuer"),
        ({"aud": None}, "audience: got none"),
        ({"aud": "orders2"}, "audience: got orders2, want orders or shop"),
        ({"aud": "Orders"}, "audience"),
        ({"aud": []}, "audience"),
        ({"aud": ["x", "y"]}, "audience: got x, y"),
        ({"aud": ["orders", 7]}, "audience"),
        ({"aud": {"orders": 1}}, "audience"),
        ({"exp": None}, "exp"),
        ({"exp": NOW_S - 11}, "exp: expired 11 s ago"),
        ({"exp": str(NOW_S + 300)}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": 1e300}, "exp"),
        ({"exp": (NOW_S + 300) * 1000}, "exp"),
        ({"exp": -5}, "exp"),
        ({"exp": [NOW_S + 300]}, "exp"),
        ({"nbf": NOW_S + 60}, "nbf"),
        ({"nbf": "soon"}, "nbf"),
        ({"iat": NOW_S + 3600}, "iat"),
        ({"iat": {}}, "iat"),
    ],
    ids=str,
)
async def test_claims_that_do_not_fit_are_refused_with_what_was_wanted(
    change: dict[str, Any], reason: str
) -> None:
    refused = await verdict(token(claims(**change)))

    assert isinstance(refused, Refused) and reason in refused.reason


@pytest.mark.parametrize(
    "header",
    [
        {"jku": "https://evil.example.com/keys"},
        {"x5u": "https://evil.example.com/cert"},
        {"x5c": ["MIIB"]},
        {"jwk": STRANGER.as_dict(private=False)},
        {"crit": ["exp"], "exp": 1},
        {"zip": "DEF"},
        {"cty": "JWT"},
        {"typ": "JWE"},
        {"typ": 7},
        {"kid": None},
        {"kid": ""},
        {"kid": 7},
        {"kid": ["rsa"]},
        {"kid": {"a": 1}},
        {"kid": "../../etc/passwd"},
        {"kid": "x" * 1000},
        {"kid": "ec"},
    ],
    ids=lambda header: next(iter(header)),
)
async def test_a_header_by_which_a_token_chooses_its_key_or_form_is_refused(
    header: dict[str, Any],
) -> None:
    sent = forged({"alg": "RS256", "kid": "rsa"} | header, CLAIMS, RSA)

    assert isinstance(await verdict(sent), Refused)


@pytest.mark.parametrize("kind", ["at+jwt", "application/at+jwt", "JWT", "jwt"])
async def test_the_types_that_access_tokens_have_are_let_in(kind: str) -> None:
    assert isinstance(await verdict(token(typ=kind)), Allowed)


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "HS256", "HS512", "RS256 ", "rs256", "", None, 7, "PS256"]
)
async def test_another_algorithm_is_refused(algorithm: Any) -> None:
    head = {"alg": algorithm, "kid": "rsa"}
    sent = f"{encoded(head)}.{encoded(CLAIMS)}.{base64.urlsafe_b64encode(b'x' * 32).decode().rstrip('=')}"

    refused = await verdict(sent)

    assert isinstance(refused, Refused) and "alg" in refused.reason


async def test_a_public_key_used_as_a_secret_is_refused() -> None:
    """CVE-2015-9235 and its kin: HS256 keyed with the RSA public key."""
    signed = f"{encoded({'alg': 'HS256', 'kid': 'rsa'})}.{encoded(CLAIMS)}"
    mac = hmac.digest(RSA.as_pem(private=False), signed.encode(), "sha256")
    sent = f"{signed}.{raw(mac)}"

    assert isinstance(await verdict(sent), Refused)


@pytest.mark.parametrize("key", [STRANGER, WEAK], ids=["same kid", "weak"])
async def test_a_strangers_or_a_weak_key_is_refused(key: Any) -> None:
    provider = Provider([*KEYS, WEAK.as_dict(private=False)])

    assert isinstance(await verdict(token(key=key), provider=provider), Refused)


def real() -> str:
    return token()


def changed(part: int, change: Any) -> str:
    parts = real().split(".")
    parts[part] = change(parts[part])
    return ".".join(parts)


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "a",
        "a.b",
        "a.b.c",
        "...",
        "a.b.c.d.e",
        real() + ".",
        "." + real(),
        real() + "=",
        real() + " ",
        real()[:-1],
        real().replace(".", "..", 1),
        changed(2, lambda one: ""),
        changed(2, lambda one: one[::-1]),
        changed(1, lambda one: one + "A"),
        changed(1, lambda one: encoded(CLAIMS | {"role": "owner"})),
        changed(1, lambda one: ""),
        changed(0, lambda one: one.replace("-", "+").replace("_", "/") + "=="),
        changed(0, lambda one: encoded([])),
        changed(0, lambda one: raw(b'{"alg":"RS256","alg":"none","kid":"rsa"}')),
        changed(0, lambda one: raw(b'{"alg":"RS256","kid":"rsa"')),
        changed(0, lambda one: raw(b"\xff\xfe")),
        changed(0, lambda one: raw(b"[" * 4_000)),
        "x" * 9_000,
        json.dumps({"payload": "a", "signatures": []}),
    ],
    ids=range(25),
)
async def test_what_is_no_token_is_refused(sent: str) -> None:
    assert isinstance(await verdict(sent), Refused)


@pytest.mark.parametrize(
    "payload",
    [
        b'{"iss":"https://id.example.com","iss":"x"}',
        b"[]",
        b'{"exp":NaN}',
        b'{"exp":1e999}',
        b"null",
        b"{}",
    ],
    ids=range(6),
)
async def test_a_signed_payload_that_is_no_claims_is_refused(payload: bytes) -> None:
    sent = jws.serialize_compact({"alg": "RS256", "kid": "rsa"}, payload, RSA, algorithms=["RS256"])

    assert isinstance(await verdict(sent), Refused)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("authorization", real())],
        [("authorization", f"Basic {real()}")],
        [("authorization", "Bearer")],
        [("authorization", f"Bearer {real()}")] * 2,
        [("x-authorization", f"Bearer {real()}")],
    ],
    ids=range(6),
)
async def test_a_token_elsewhere_or_twice_is_refused(headers: list[tuple[str, str]]) -> None:
    verifier = Verifier(Provider().fetch)
    policies = check(POLICY)
    await verifier.prepare(policies, Parts(headers, b""), now_us=NOW_US)

    assert isinstance(verifier.verify(policies, Parts(headers, b""), now_us=NOW_US), Refused)


@pytest.mark.parametrize(
    ("policy", "fits"),
    [
        ({"scopes": ["orders:read"]}, True),
        ({"scopes": ["orders:read", "orders:write"]}, True),
        ({"scopes": ["orders:delete"]}, False),
        ({"scopes": ["orders"]}, False),
        ({"claims": {"role": "admin"}}, True),
        ({"claims": {"role": ["owner", "admin"]}}, True),
        ({"claims": {"role": "owner"}}, False),
        ({"claims": {"groups": "b"}}, True),
        ({"claims": {"groups": "c"}}, False),
        ({"claims": {"verified": True}}, True),
        ({"claims": {"verified": 1}}, False),
        ({"claims": {"absent": "x"}}, False),
        ({"algorithms": ["ES256"]}, False),
        ({"leeway": 0}, True),
    ],
    ids=str,
)
async def test_scopes_and_claims_are_required(policy: dict[str, Any], fits: bool) -> None:
    assert isinstance(await verdict(token(), policy=policy), Allowed) is fits


@pytest.mark.parametrize(
    "scopes",
    [
        {"scope": ["orders:read"]},
        {"scope": None, "scp": ["orders:read"]},
        {"scope": None, "scp": "orders:read"},
    ],
)
async def test_scopes_are_read_as_each_provider_spells_them(scopes: dict[str, Any]) -> None:
    policy = {"scopes": ["orders:read"]}

    assert isinstance(await verdict(token(claims(**scopes)), policy=policy), Allowed)


# The provider


async def test_a_key_that_came_later_is_fetched_once_in_half_a_minute() -> None:
    provider = Provider([EC.as_dict(private=False)])
    verifier = Verifier(provider.fetch)

    assert isinstance(await verdict(token(key=EC), verifier=verifier), Allowed)
    assert isinstance(await verdict(token(), verifier=verifier), Refused)
    provider.answers[f"{ISSUER}/keys"] = {"keys": KEYS}
    asked = len(provider.asked)
    assert isinstance(await verdict(token(), verifier=verifier), Refused)
    assert len(provider.asked) == asked
    rotated = await verdict(token(), verifier=verifier, now_us=NOW_US + AGAIN_US)

    assert isinstance(rotated, Allowed) and len(provider.asked) == asked + 2


async def test_many_calls_at_once_are_one_fetch() -> None:
    provider = Provider()
    verifier = Verifier(provider.fetch)

    verdicts = await asyncio.gather(*(verdict(token(), verifier=verifier) for _ in range(50)))

    assert all(isinstance(one, Allowed) for one in verdicts) and len(provider.asked) == 2


async def test_a_provider_that_is_away_makes_callers_wait_and_old_keys_serve_a_day() -> None:
    provider = Provider()
    verifier = Verifier(provider.fetch)
    provider.is_away = True
    first = await verdict(token(), verifier=verifier)
    provider.is_away = False
    at = NOW_US + AGAIN_US
    assert isinstance(await verdict(token(), verifier=verifier, now_us=at), Allowed)
    provider.is_away = True
    long = claims(exp=NOW_S * 2)

    served = await verdict(token(long), verifier=verifier, now_us=at + STALE_US - 1)
    await asyncio.sleep(0)  # its fetch, in the background, has failed
    closed = await verdict(token(long), verifier=verifier, now_us=at + STALE_US + 60_000_000)

    assert isinstance(first, Unverifiable) and "cannot be had" in first.reason
    assert isinstance(served, Allowed)
    assert isinstance(closed, Unverifiable)


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        (
            "/.well-known/openid-configuration",
            {"issuer": "https://evil.example.com", "jwks_uri": f"{ISSUER}/keys"},
        ),
        ("/.well-known/openid-configuration", {"issuer": ISSUER}),
        ("/.well-known/openid-configuration", {"issuer": ISSUER, "jwks_uri": 7}),
        ("/.well-known/openid-configuration", b"<html>"),
        ("/.well-known/openid-configuration", b"[" * 100_000),
        ("/keys", []),
        ("/keys", {"keys": {}}),
        ("/keys", {"keys": []}),
        ("/keys", {"keys": [KEYS[0]] * 101}),
        ("/keys", {"keys": [KEYS[0], KEYS[0]]}),
        ("/keys", {"keys": [{**KEYS[0], "use": "enc"}]}),
        ("/keys", {"keys": [{**KEYS[0], "key_ops": ["encrypt"]}]}),
        ("/keys", {"keys": [{**KEYS[0], "n": "!"}]}),
        ("/keys", {"keys": [RSA.as_dict(private=True)]}),
        ("/keys", {"keys": [{"kty": "oct", "kid": "rsa", "k": "c2VjcmV0"}]}),
        ("/keys", {"keys": ["rsa", None, 7]}),
    ],
    ids=range(16),
)
async def test_a_provider_that_lies_lets_nobody_in(url: str, answer: Any) -> None:
    provider = Provider()
    provider.answers[ISSUER + url] = answer

    assert isinstance(await verdict(token(), provider=provider), Unverifiable)


async def test_a_key_of_another_issuer_is_not_looked_for_there() -> None:
    verifier = Verifier(Provider().fetch)
    other = {"issuer": "https://other.example.com"}

    assert isinstance(await verdict(token(), verifier=verifier), Allowed)
    sent = token(claims(iss="https://other.example.com"))
    assert isinstance(await verdict(sent, verifier=verifier, policy=other), Unverifiable)


async def test_an_idempotency_key_is_its_callers_own() -> None:
    first, second = await verdict(token()), await verdict(token(claims(sub="bob")))
    parts = Parts([("idempotency-key", "k")], b"")

    assert isinstance(first, Allowed) and isinstance(second, Allowed)
    assert sender_id(first, parts) != sender_id(second, parts)
    whole, half = await verdict(token(claims(sub="a:b"))), await verdict(token(claims(sub="a")))
    assert isinstance(whole, Allowed) and isinstance(half, Allowed)
    others = Parts([("idempotency-key", "b:k")], b"")
    assert sender_id(whole, parts) != sender_id(half, others)
