"""Each sender's way to sign, by its own published example or by a signature made of its description alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable

import pytest

from wistro.auth.parts import Allowed, Parts, Refused
from wistro.auth.policy import check, resolve
from wistro.auth.verify import verify

NOW_S = 1_800_000_000
BODY = json.dumps({"id": "evt_1", "event_id": "Ev1", "name": "wörld"}).encode()
SECRET = "a secret of some length"
Headers = list[tuple[str, str]]


def mac(signed: bytes, secret: str = SECRET, algorithm: str = "sha256") -> bytes:
    return hmac.new(secret.encode(), signed, algorithm).digest()


def stripe(at: int = NOW_S, body: bytes = BODY, secret: str = SECRET) -> Headers:
    return [("stripe-signature", f"t={at},v1={mac(f'{at}.'.encode() + body, secret).hex()},v0=old")]


def slack(at: int = NOW_S, body: bytes = BODY, secret: str = SECRET) -> Headers:
    signature = "v0=" + mac(f"v0:{at}:".encode() + body, secret).hex()
    return [("x-slack-request-timestamp", str(at)), ("x-slack-signature", signature)]


def shopify(at: int = NOW_S, body: bytes = BODY, secret: str = SECRET) -> Headers:
    signature = base64.b64encode(mac(body, secret)).decode()
    return [("x-shopify-hmac-sha256", signature), ("x-shopify-webhook-id", "w-1")]


def gitlab(at: int = NOW_S, body: bytes = BODY, secret: str = SECRET) -> Headers:
    return [("x-gitlab-token", secret), ("x-gitlab-event-uuid", "u-1")]


def free(at: int = NOW_S, body: bytes = BODY, secret: str = SECRET) -> Headers:
    signature = base64.b64encode(mac(f"m7|{at}|".encode() + body, secret, "sha512")).decode()
    return [("x-sig", f"s={signature}"), ("x-at", str(at)), ("x-id", "m7")]


FREE = {
    "header": "X-Sig",
    "prefix": "s=",
    "algorithm": "sha512",
    "encoding": "base64",
    "signed": "{id}|{timestamp}|{body}",
    "timestampHeader": "X-At",
    "idHeader": "X-Id",
    "tolerance": 60,
}
SENDERS: dict[str, tuple[Callable[..., Headers], dict, str]] = {
    "stripe": (stripe, {"preset": "stripe"}, "stripe:evt_1"),
    "slack": (slack, {"preset": "slack"}, "slack:Ev1"),
    "shopify": (shopify, {"preset": "shopify"}, "shopify:w-1"),
    "gitlab": (gitlab, {"preset": "gitlab"}, "gitlab:u-1"),
    "free form": (free, FREE, "hmac:m7"),
}
TIMED = ("stripe", "slack", "free form")
SIGNED = ("stripe", "slack", "shopify", "free form")


def verdict(sender: str, headers: Headers, body: bytes = BODY):
    given = {"type": "hmac", "secret": ["$OLD", "$NEW"]} | SENDERS[sender][1]
    policies = resolve(check(given), {"OLD": "an older one", "NEW": SECRET})
    return verify(policies, Parts(headers, body), now_us=NOW_S * 1_000_000)


@pytest.mark.parametrize("sender", SENDERS)
def test_what_the_sender_signed_is_let_in_with_its_own_id(sender: str) -> None:
    allowed = verdict(sender, SENDERS[sender][0]())

    assert isinstance(allowed, Allowed) and allowed.sender_id == SENDERS[sender][2]


@pytest.mark.parametrize("sender", SENDERS)
def test_each_live_secret_verifies_and_no_other(sender: str) -> None:
    made = SENDERS[sender][0]

    assert isinstance(verdict(sender, made(secret="an older one")), Allowed)
    assert isinstance(verdict(sender, made(secret="a stranger's")), Refused)


@pytest.mark.parametrize("sender", SIGNED)
def test_a_changed_body_is_refused(sender: str) -> None:
    assert isinstance(verdict(sender, SENDERS[sender][0](), body=BODY + b" "), Refused)


@pytest.mark.parametrize("sender", TIMED)
@pytest.mark.parametrize("off", [-301, 301, -10_000_000])
def test_what_was_signed_long_ago_or_later_is_refused(sender: str, off: int) -> None:
    refused = verdict(sender, SENDERS[sender][0](at=NOW_S + off))

    assert isinstance(refused, Refused) and "from now" in refused.reason


@pytest.mark.parametrize("sender", TIMED)
def test_a_time_that_was_not_signed_is_refused(sender: str) -> None:
    late = [
        (name, value.replace(str(NOW_S), str(NOW_S + 1))) for name, value in SENDERS[sender][0]()
    ]

    assert isinstance(verdict(sender, late), Refused)


@pytest.mark.parametrize("sender", SENDERS)
def test_headers_that_are_missing_or_twice_are_refused(sender: str) -> None:
    headers = SENDERS[sender][0]()

    assert isinstance(verdict(sender, []), Refused)
    assert isinstance(verdict(sender, [headers[0], *headers]), Refused)


@pytest.mark.parametrize("sender", SIGNED)
@pytest.mark.parametrize(
    "value", ["", "=", "v0=", "t=,v1=", "s=", "\xff", "a" * 5_000, "t=1,t=2,v1=x"]
)
def test_a_signature_that_is_none_is_refused(sender: str, value: str) -> None:
    headers = [
        (name, value if "sig" in name or "hmac" in name else kept)
        for name, kept in SENDERS[sender][0]()
    ]

    assert isinstance(verdict(sender, headers), Refused)


def test_slacks_own_example_is_verified() -> None:
    """https://api.slack.com/authentication/verifying-requests-from-slack"""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = [
        ("x-slack-request-timestamp", "1531420618"),
        (
            "x-slack-signature",
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        ),
    ]
    policy = [{"type": "hmac", "preset": "slack", "secret": ["8f742231b10e8888abcd99yyyzzz85a5"]}]

    allowed = verify(policy, Parts(headers, body), now_us=1_531_420_618_000_000)

    assert isinstance(allowed, Allowed) and allowed.sender_id is None


def test_basic_lets_in_who_knows_the_password() -> None:
    policies = resolve(check({"type": "basic", "users": {"ada": "$A"}}), {"A": "pass:wörd"})

    def basic(credentials: bytes, scheme: str = "Basic"):
        encoded = base64.b64encode(credentials).decode()
        parts = Parts([("authorization", f"{scheme} {encoded}")], b"")
        return verify(policies, parts, now_us=0)

    assert basic("ada:pass:wörd".encode()) == Allowed({"type": "basic", "user": "ada"})
    assert isinstance(basic("ada:pass:wörd".encode(), "basic"), Allowed)
    for wrong in (b"ada:", b"ada", b"", b"bob:pass", "ADA:pass:wörd".encode()):
        assert isinstance(basic(wrong), Refused)
    assert isinstance(basic("ada:pass:wörd".encode(), "Bearer"), Refused)
    for header in ("Basic", "Basic !!!", "Basic " + "a" * 5_000, "", "Basic \xe4"):
        assert isinstance(
            verify(policies, Parts([("authorization", header)], b""), now_us=0), Refused
        )
    assert hashlib.sha256("ada:pass:wörd".encode()).hexdigest() in policies[0]["sha256"]
