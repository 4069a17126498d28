from __future__ import annotations

import pytest

from runner.gateway.caller import Domain, Proxies, passed_back, passed_on, split_tag
from wistro.protocol.addresses import read_networks

LOCAL = Domain("http://{label}.localhost:8080")
PROXIES = Proxies(read_networks("10.0.0.0/8, 2001:db8::/32"))


@pytest.mark.parametrize(
    ("host", "label"),
    [
        ("dev--shop--acme.localhost:8080", "dev--shop--acme"),
        ("DEV--Shop--acme.LOCALHOST", "dev--shop--acme"),
        ("dev--shop--acme.localhost.:80", "dev--shop--acme"),
        ("localhost:8080", None),
        (".localhost", None),
        ("dev--shop--acme.localhost.evil.example", None),
        ("dev--shop--acme", None),
        ("", None),
        ("[::1]:8080", None),
    ],
)
def test_a_label_is_what_stands_before_the_endpoints_domain(host, label):
    assert LOCAL.label(host) == label


def test_a_domain_may_have_any_shape_around_its_label():
    assert (
        Domain("https://w-{label}.apps.example.com").label("w-dev--a--b.apps.example.com")
        == "dev--a--b"
    )


@pytest.mark.parametrize(
    ("label", "split"),
    [
        ("v3--dev--shop--acme", (3, "dev--shop--acme")),
        ("dev--shop--acme", (None, "dev--shop--acme")),
        ("v0--dev--shop--acme", (None, "v0--dev--shop--acme")),
        ("vx--dev", (None, "vx--dev")),
    ],
)
def test_a_tag_names_a_version(label, split):
    assert split_tag(label) == split


@pytest.mark.parametrize(
    ("peer", "forwarded", "caller"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["203.0.113.9"], "192.0.2.1"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9", "10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["nonsense, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.2"], "10.0.0.2"),
        ("::ffff:10.0.0.1", ["2001:4860::1"], "2001:4860::1"),
        ("", ["203.0.113.9"], ""),
    ],
)
def test_a_forwarded_address_is_believed_from_trusted_proxies_alone(peer, forwarded, caller):
    assert PROXIES.caller(peer, [("x-forwarded-for", one) for one in forwarded]) == caller


SENT = [
    ("host", "a"),
    ("connection", "keep-alive, X-Secret"),
    ("x-secret", "of this hop"),
    ("te", "trailers"),
    ("upgrade", "h2c"),
    ("expect", "100-continue"),
    ("content-length", "3"),
    ("wistro-route", "forged"),
    ("wistro-anything", "forged"),
    ("x-forwarded-for", "6.6.6.6"),
    ("x-forwarded-proto", "https"),
    ("traceparent", "00-1-2-01"),
    ("x", "1"),
    ("x", "2"),
]


def test_an_engine_gets_nothing_of_this_hop_of_ours_or_of_a_made_up_proxy():
    assert passed_on(SENT, address="192.0.2.1", by_proxy=False) == [
        ("host", "a"),
        ("traceparent", "00-1-2-01"),
        ("x", "1"),
        ("x", "2"),
        ("x-forwarded-for", "192.0.2.1"),
    ]


def test_a_trusted_proxys_word_about_the_scheme_passes():
    passed = passed_on(SENT, address="6.6.6.6", by_proxy=True)

    assert ("x-forwarded-proto", "https") in passed
    assert [value for name, value in passed if name == "x-forwarded-for"] == ["6.6.6.6"]


def test_a_caller_gets_an_engines_headers_but_those_of_the_hop():
    back = [
        ("content-length", "3"),
        ("connection", "close"),
        ("wistro-x", "1"),
        ("set-cookie", "a"),
    ]

    assert passed_back(back) == [("content-length", "3"), ("set-cookie", "a")]
