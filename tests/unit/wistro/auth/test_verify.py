from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wistro.auth.hmac import sign_github, sign_standard_webhooks
from wistro.auth.parts import Allowed, Parts, Refused
from wistro.auth.policy import check, resolve
from wistro.auth.verify import BadIdempotencyKey, sender_id, verify

NOW_S = 1_800_000_000
NOW_US = NOW_S * 1_000_000
WHSEC = "whsec_" + base64.b64encode(b"a secret of twenty-four!").decode()
VALUES = {"KEY": "k-1", "OTHER": "k-2", "OLD": "old-secret", "NEW": "new-secret", "WHSEC": WHSEC}
API_KEY = resolve(check({"type": "api_key", "keys": ["$KEY", "$OTHER"]}), VALUES)
BEARER = resolve(check({"type": "api_key", "keys": "$KEY", "header": "Authorization"}), VALUES)
GITHUB = resolve(check({"type": "hmac", "preset": "github", "secret": ["$OLD", "$NEW"]}), VALUES)
WEBHOOKS = resolve(
    check({"type": "hmac", "preset": "standard-webhooks", "secret": ["$WHSEC", "$NEW"]}), VALUES
)
BODY = b'{"hello": "w\xc3\xb6rld"}\r\n'


def verdict(policies, *headers, body=BODY):
    return verify(policies, Parts(list(headers), body), now_us=NOW_US)


def webhook(*, id="msg_1", at=NOW_S, signature=None, secret=WHSEC, body=BODY):
    signature = signature or sign_standard_webhooks(secret, body, id=id, timestamp_s=at)
    return [
        ("webhook-id", id),
        ("webhook-timestamp", str(at)),
        ("webhook-signature", signature),
    ]


def test_no_policy_lets_everyone_in():
    assert verdict([]) == Allowed(None, None)


@pytest.mark.parametrize("key", ["k-1", "k-2"])
def test_each_live_key_lets_in_and_names_itself_by_its_digest_only(key):
    allowed = verdict(API_KEY, ("x-api-key", key))

    assert isinstance(allowed, Allowed) and allowed.claims
    assert allowed.claims["type"] == "api_key" and key not in str(allowed.claims)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("x-api-key", "")],
        [("x-api-key", "k-3")],
        [("x-api-key", "K-1")],
        [("x-api-key", "k-1"), ("x-api-key", "k-1")],
        [("authorization", "Bearer k-1")],
        [("x-api-key", "k" * 10_000)],
    ],
)
def test_another_key_or_none_is_refused(headers):
    assert isinstance(verdict(API_KEY, *headers), Refused)


def test_a_key_may_be_a_bearer_token():
    assert isinstance(verdict(BEARER, ("authorization", "bearer k-1")), Allowed)
    assert isinstance(verdict(BEARER, ("authorization", "Basic k-1")), Refused)
    assert isinstance(verdict(BEARER, ("authorization", "k-1")), Refused)


def test_githubs_own_example_is_verified():
    """https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries"""
    policy = [{"type": "hmac", "preset": "github", "secret": ["It's a Secret to Everybody"]}]
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

    allowed = verdict(policy, ("x-hub-signature-256", signature), body=b"Hello, World!")

    assert isinstance(allowed, Allowed)


@pytest.mark.parametrize("secret", ["old-secret", "new-secret"])
def test_github_is_verified_with_each_live_secret_and_brings_its_delivery_id(secret):
    allowed = verdict(
        GITHUB,
        ("x-hub-signature-256", sign_github(secret, BODY)),
        ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
    )

    assert allowed == Allowed(
        {"type": "hmac", "preset": "github"}, "github:72d3162e-cc78-11e3-81ab-4c9367dc0958"
    )


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("x-hub-signature-256", sign_github("other", BODY))],
        [("x-hub-signature-256", sign_github("old-secret", BODY + b" "))],
        [("x-hub-signature-256", sign_github("old-secret", BODY).removeprefix("sha256="))],
        [("x-hub-signature-256", sign_github("old-secret", BODY).upper())],
        [("x-hub-signature-256", sign_github("old-secret", BODY))] * 2,
        [("x-hub-signature", sign_github("old-secret", BODY))],
        [
            ("x-hub-signature-256", sign_github("old-secret", BODY)),
            ("x-github-delivery", "x" * 300),
        ],
    ],
)
def test_what_github_did_not_sign_is_refused(headers):
    assert isinstance(verdict(GITHUB, *headers), Refused)


def test_the_standard_webhooks_example_is_verified():
    """The test vector of the reference libraries (standard-webhooks/standard-webhooks)."""
    policy = [
        {
            "type": "hmac",
            "preset": "standard-webhooks",
            "secret": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        }
    ]
    headers = webhook(
        id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=1_614_265_330,
        signature="v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    )

    allowed = verify(policy, Parts(headers, b'{"test": 2432232314}'), now_us=1_614_265_330_000_000)

    assert isinstance(allowed, Allowed)
    assert allowed.sender_id == "standard-webhooks:msg_p5jXN8AQM9LWM0D4loKWxJek"


@pytest.mark.parametrize("secret", [WHSEC, "new-secret"])
@pytest.mark.parametrize("late_s", [-300, 0, 300])
def test_a_standard_webhook_is_verified_with_each_live_secret_within_five_minutes(secret, late_s):
    allowed = verdict(WEBHOOKS, *webhook(secret=secret, at=NOW_S + late_s))

    assert isinstance(allowed, Allowed) and allowed.sender_id == "standard-webhooks:msg_1"


def test_one_of_several_signatures_is_enough():
    good = sign_standard_webhooks(WHSEC, BODY, id="msg_1", timestamp_s=NOW_S)

    allowed = verdict(WEBHOOKS, *webhook(signature=f"v1a,xyz v1,AAAA {good}"))

    assert isinstance(allowed, Allowed)


@pytest.mark.parametrize(
    "headers",
    [
        webhook(at=NOW_S - 301),
        webhook(at=NOW_S + 301),
        webhook(secret="other"),
        webhook(body=BODY + b" "),
        webhook()[:2],
        webhook()[1:],
        [*webhook(), ("webhook-id", "msg_2")],
        [("webhook-id", "msg_2"), *webhook()[1:]],
        webhook(id="msg 1"),
        webhook(signature=sign_github(WHSEC, BODY)),
        [webhook()[0], ("webhook-timestamp", f" {NOW_S}"), webhook()[2]],
        [webhook()[0], ("webhook-timestamp", "9" * 400), webhook()[2]],
        [webhook()[0], ("webhook-timestamp", "-5"), webhook()[2]],
        webhook(signature=" ".join(["v1,AAAA"] * 16 + [webhook()[2][1]])),
    ],
)
def test_an_old_foreign_or_broken_webhook_is_refused(headers):
    assert isinstance(verdict(WEBHOOKS, *headers), Refused)


def test_any_of_several_policies_is_enough_and_a_refusal_names_each():
    both = [*API_KEY, *WEBHOOKS]

    assert isinstance(verdict(both, ("x-api-key", "k-1")), Allowed)
    assert isinstance(verdict(both, *webhook()), Allowed)
    refused = verdict(both)
    assert isinstance(refused, Refused)
    assert "api_key" in refused.reason and "standard-webhooks" in refused.reason


def test_a_policy_of_an_unknown_kind_lets_nobody_in():
    assert isinstance(verdict([{"type": "oidc"}]), Refused)


HEADER_NAMES = st.sampled_from(
    [
        *("x-api-key", "authorization", "x-hub-signature-256", "x-github-delivery"),
        *("webhook-id", "webhook-timestamp", "webhook-signature", "idempotency-key"),
    ]
)
LATIN = st.text(st.characters(max_codepoint=255), max_size=60)
NEARLY = st.sampled_from(["sha256=", "v1,", "v1,=", "v1,AA==", str(NOW_S), "Bearer ", "whsec_"])


@given(
    st.lists(st.tuples(HEADER_NAMES, LATIN | NEARLY | st.builds(str.__add__, NEARLY, LATIN))),
    st.binary(max_size=200),
)
def test_odd_input_is_refused_and_never_crashes(headers, body):
    parts = Parts(headers, body)

    for policies in (API_KEY, BEARER, GITHUB, WEBHOOKS, [*API_KEY, *GITHUB, *WEBHOOKS]):
        assert isinstance(verify(policies, parts, now_us=NOW_US), Refused)


@given(st.text(max_size=40), st.binary(max_size=40))
def test_an_odd_secret_signs_and_verifies_like_any_other(secret, body):
    policies = [{"type": "hmac", "preset": "standard-webhooks", "secret": [secret]}]

    headers = webhook(secret=secret, body=body)

    assert isinstance(verdict(policies, *headers, body=body), Allowed)


def allowed(policies, *headers) -> Allowed:
    said = verdict(policies, *headers)
    assert isinstance(said, Allowed)
    return said


def test_an_idempotency_key_is_its_callers_own():
    key = [("idempotency-key", "k")]
    of_public = sender_id(Allowed(), Parts(key, b""))
    of_one = sender_id(allowed(API_KEY, ("x-api-key", "k-1")), Parts(key, b""))
    of_two = sender_id(allowed(API_KEY, ("x-api-key", "k-2")), Parts(key, b""))

    assert of_public == "key:public:k" and len({of_public, of_one, of_two}) == 3
    assert sender_id(Allowed(), Parts([], b"")) is None


def test_the_verified_senders_id_goes_before_an_unverified_key():
    parts = Parts([("idempotency-key", "k")], b"")

    assert sender_id(Allowed({}, "standard-webhooks:msg_1"), parts) == "standard-webhooks:msg_1"


@pytest.mark.parametrize("keys", [[""], ["x" * 256], ["a", "a"], ["é"], ["a\tb"]])
def test_an_idempotency_key_that_cannot_be_used_is_an_error(keys):
    with pytest.raises(BadIdempotencyKey):
        sender_id(Allowed(), Parts([("idempotency-key", key) for key in keys], b""))
