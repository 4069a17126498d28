from __future__ import annotations

import hashlib

import pytest

from wistro.auth.policy import BadPolicy, UnsetVariable, check, resolve, variables
from wistro.errors import NotYet


def test_a_single_policy_becomes_a_list_in_one_spelling():
    assert check({"type": "api_key", "keys": "$KEY", "header": "X-Key"}) == [
        {"type": "api_key", "keys": ["$KEY"], "header": "x-key"}
    ]
    assert check([{"type": "hmac", "preset": "github", "secret": "$S"}]) == [
        {"type": "hmac", "preset": "github", "secret": ["$S"]}
    ]


@pytest.mark.parametrize(
    "auth", [[], {}, None, "github", {"type": "magic"}, {"type": "api_key"}, ["x"]]
)
def test_what_is_no_policy_is_refused(auth):
    with pytest.raises(BadPolicy):
        check(auth)


@pytest.mark.parametrize("keys", ["a-real-key", ["$OK", "plain"], 7, [], "$lower"])
def test_a_value_in_place_of_a_variables_name_is_refused(keys):
    with pytest.raises(BadPolicy, match="must name variables"):
        check({"type": "api_key", "keys": keys})


@pytest.mark.parametrize(
    "auth",
    [
        {"type": "mtls"},
        {"type": "jwt"},
        {"type": "ip"},
    ],
)
def test_what_is_documented_and_not_built_is_refused_by_name(auth):
    with pytest.raises(NotYet):
        check(auth)


def test_resolving_keeps_digests_of_keys_and_values_of_secrets():
    policies = check(
        [
            {"type": "api_key", "keys": ["$A", "$B"]},
            {"type": "hmac", "preset": "github", "secret": ["$OLD", "$NEW"]},
        ]
    )

    resolved = resolve(policies, {"A": "one", "B": "two", "OLD": "o", "NEW": "n"})

    assert variables(policies) == {"A", "B", "OLD", "NEW"}
    assert resolved[0] == {
        "type": "api_key",
        "header": "x-api-key",
        "sha256": [hashlib.sha256(key).hexdigest() for key in (b"one", b"two")],
    }
    assert resolved[1]["secret"] == ["o", "n"]


@pytest.mark.parametrize("values", [{}, {"KEY": ""}])
def test_a_variable_without_a_value_closes_the_policy(values):
    with pytest.raises(UnsetVariable, match=r"\$KEY"):
        resolve(check({"type": "api_key", "keys": "$KEY"}), values)


OIDC = {"type": "oidc", "issuer": "https://id.example.com", "audience": "orders"}


def test_oidc_is_asymmetric_and_has_lists() -> None:
    assert check(OIDC) == [
        {
            "type": "oidc",
            "issuer": "https://id.example.com",
            "audience": ["orders"],
            "algorithms": ["ES256", "EdDSA", "RS256"],
        }
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": None},
        {"issuer": "http://id.example.com"},
        {"issuer": "https://user@id.example.com"},
        {"issuer": "https://id.example.com?x=1"},
        {"issuer": "https://id.example.com#a"},
        {"issuer": "https://id.example.com:port"},
        {"issuer": "https://"},
        {"audience": None},
        {"audience": []},
        {"audience": [""]},
        {"algorithms": ["HS256"]},
        {"algorithms": ["none"]},
        {"algorithms": []},
        {"leeway": 31},
        {"leeway": True},
        {"claims": {}},
        {"claims": {"role": 1.5}},
        {"claims": {"role": []}},
        {"scopes": [7]},
        {"jwks": "https://id.example.com/keys"},
    ],
    ids=str,
)
def test_an_oidc_policy_that_would_let_in_the_wrong_ones_is_refused(change: dict) -> None:
    with pytest.raises(BadPolicy):
        check({key: value for key, value in (OIDC | change).items() if value is not None})


def test_a_laptops_provider_may_speak_http() -> None:
    assert check(OIDC | {"issuer": "http://localhost:8090/realms/a"})


def test_basic_keeps_digests_only() -> None:
    policies = check({"type": "basic", "users": {"ada": "$A", "bob": ["$B", "$NEW"]}})

    (resolved,) = resolve(policies, {"A": "one", "B": "two", "NEW": "new"})

    assert variables(policies) == {"A", "B", "NEW"}
    assert resolved == {
        "type": "basic",
        "sha256": [hashlib.sha256(one).hexdigest() for one in (b"ada:one", b"bob:two", b"bob:new")],
    }


@pytest.mark.parametrize("users", [None, {}, {"a:b": "$A"}, {"": "$A"}, {"ada": "plain"}, ["ada"]])
def test_users_without_a_variable_are_refused(users) -> None:
    with pytest.raises(BadPolicy):
        check({"type": "basic", "users": users})


def test_a_signature_is_described_as_data() -> None:
    given = {
        "type": "hmac",
        "secret": "$S",
        "header": "X-Signature",
        "prefix": "v1=",
        "encoding": "base64",
        "signed": "{timestamp}.{body}",
        "timestampHeader": "X-Time",
        "tolerance": 60,
    }

    assert check(given) == [
        given | {"secret": ["$S"], "header": "x-signature", "timestampHeader": "x-time"}
    ]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"preset": "paypal"},
        {"preset": "github", "header": "x"},
        {"header": "x y"},
        {"header": "x", "algorithm": "md5"},
        {"header": "x", "encoding": "utf-8"},
        {"header": "x", "signed": "{timestamp}"},
        {"header": "x", "signed": "{body}{body}"},
        {"header": "x", "signed": "{timestamp}.{body}"},
        {"header": "x", "timestampHeader": "t"},
        {"header": "x", "signed": "{id}.{body}"},
        {"header": "x", "signed": "{secret}{body}"},
        {"header": "x", "tolerance": 0},
        {"header": "x", "tolerance": 86400},
    ],
    ids=str,
)
def test_a_description_that_proves_nothing_is_refused(given: dict) -> None:
    with pytest.raises(BadPolicy):
        check({"type": "hmac", "secret": "$S"} | given)
