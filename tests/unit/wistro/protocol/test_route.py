from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wistro.protocol.route import MAX_AGE_US, Route, UnsignedRoute, sign, verify

GOLDEN = json.loads(
    (Path(__file__).parents[3] / "golden" / "protocol" / "route.json").read_text(encoding="utf-8")
)
KEY = b"k" * 32
ROUTE = msgspec.convert(GOLDEN["Route"][1], Route)
NOW_US = ROUTE.issued_at_us


@pytest.mark.parametrize("golden", GOLDEN["signed"])
def test_a_golden_header_is_signed_and_verified(golden):
    key, route = base64.b64decode(golden["key_base64"]), msgspec.convert(golden["route"], Route)

    assert sign(route, key=key) == golden["header"]
    assert verify(golden["header"], key=key, now_us=route.issued_at_us) == route


@pytest.mark.parametrize("golden", GOLDEN["signed"])
def test_a_golden_header_is_what_its_description_says(golden):
    """v1.<base64url JSON>.<base64url HMAC-SHA256 over "v1." and the JSON part>, without padding."""
    version, payload, mac = golden["header"].split(".")
    expected = hmac.new(
        base64.b64decode(golden["key_base64"]), f"{version}.{payload}".encode(), hashlib.sha256
    ).digest()

    assert base64.urlsafe_b64decode(mac + "=") == expected
    padded = payload + "=" * (-len(payload) % 4)
    assert json.loads(base64.urlsafe_b64decode(padded)) == golden["route"]


@pytest.mark.parametrize("age_us", [-MAX_AGE_US, 0, MAX_AGE_US])
def test_a_route_holds_for_a_minute(age_us):
    assert verify(sign(ROUTE, key=KEY), key=KEY, now_us=NOW_US + age_us) == ROUTE


@pytest.mark.parametrize("age_us", [-MAX_AGE_US - 1, MAX_AGE_US + 1])
def test_a_route_of_another_minute_is_refused(age_us):
    with pytest.raises(UnsignedRoute, match="age"):
        verify(sign(ROUTE, key=KEY), key=KEY, now_us=NOW_US + age_us)


@pytest.mark.parametrize("header", ["", ".", "v1..", "v1.e30.", "v2.a.b", "é", "v1", "v1.a.b.c"])
def test_what_is_no_header_is_refused(header):
    with pytest.raises(UnsignedRoute):
        verify(header, key=KEY, now_us=NOW_US)


@given(st.integers(0, len(sign(ROUTE, key=KEY)) - 1), st.sampled_from("aB0_-."))
def test_a_header_with_any_letter_changed_is_refused(position, letter):
    header = sign(ROUTE, key=KEY)
    changed = header[:position] + letter + header[position + 1 :]

    if changed != header:
        with pytest.raises(UnsignedRoute):
            verify(changed, key=KEY, now_us=NOW_US)


@given(st.binary(max_size=40))
def test_another_key_opens_nothing(key):
    if key != KEY:
        with pytest.raises(UnsignedRoute):
            verify(sign(ROUTE, key=KEY), key=key, now_us=NOW_US)


@given(st.text(max_size=100))
def test_any_text_is_refused_and_never_crashes(text):
    with pytest.raises(UnsignedRoute):
        verify(text, key=KEY, now_us=NOW_US)
