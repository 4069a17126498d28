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
        {"type": "oidc"},
        {"type": "basic"},
        {"type": "hmac", "preset": "stripe", "secret": "$S"},
        {"type": "hmac", "secret": "$S"},
        {"type": "api_key", "keys": "$K", "query": "key"},
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
