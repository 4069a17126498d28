"""No secret is written down, in whatever form it hides."""

from __future__ import annotations

import base64
import itertools
import json
from urllib.parse import quote, quote_plus

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wistro.records.redact import MARK, Redactor

SECRET = 'pä$$/word+"1\\'
FORMS = {
    "plain": SECRET,
    "in JSON": json.dumps(SECRET)[1:-1],
    "in JSON, as it is": json.dumps(SECRET, ensure_ascii=False)[1:-1],
    "in a URL": quote(SECRET, safe=""),
    "in a form": quote_plus(SECRET),
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
}
secrets = st.text(min_size=6, max_size=40).filter(lambda text: len(text.strip().encode()) >= 6)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_form_of_a_secret_is_marked(form: str):
    said = Redactor([SECRET]).text(f"before {form} after")

    assert said == f"before {MARK} after"


@pytest.mark.parametrize("shift", range(3))
def test_a_secret_inside_what_was_encoded_whole_is_marked(shift: int):
    """`Authorization: Basic base64("user:" + secret)`, at each of the three alignments."""
    encoded = base64.b64encode(b"u" * (shift + 3) + b":" + b"correct-horse-battery").decode()

    said = Redactor(["correct-horse-battery"]).text(f"Basic {encoded}")

    assert MARK in said
    assert b"horse" not in base64.b64decode(
        said.removeprefix("Basic ").split("[")[0] + "==", validate=False
    )


@given(secret=secrets, around=st.text(max_size=20), cuts=st.lists(st.integers(0, 200), max_size=6))
def test_a_secret_that_comes_in_pieces_is_marked(secret: str, around: str, cuts: list[int]):
    text = f"{around}{secret}{around}"
    places = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    redactor = Redactor([secret])
    pieces = redactor.chunks()

    said = "".join(pieces.feed(text[a:b]) for a, b in itertools.pairwise(places)) + pieces.finish()

    assert secret not in said or secret in MARK


@given(secret=secrets, depth=st.integers(0, 4))
def test_a_record_stays_a_record_and_its_content_is_marked(secret: str, depth: int):
    value: object = {secret: [f"x{secret}y"]}
    for _ in range(depth):
        value = {"deeper": value}
    record = {"kind": "line", "seq": 7, "message": secret, "fields": value, "source": "logger"}

    (line,) = Redactor([secret]).lines(msgspec.json.encode(record) + b"\n").splitlines()

    kept = json.loads(line)
    assert (kept["kind"], kept["seq"], kept["source"]) == ("line", 7, "logger")
    assert secret not in str([kept["message"], kept["fields"]]) or secret in MARK


def test_a_number_that_is_a_secret_is_marked():
    line = b'{"kind":"line","seq":1,"fields":{"pin":83749261}}\n'

    assert json.loads(Redactor(["83749261"]).lines(line))["fields"] == {"pin": MARK}


def test_a_line_of_a_key_of_several_lines_is_marked():
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nAQEFAASCBKcwggSjAgEAAoI\n-----END KEY-----"

    assert Redactor([key]).text("read MIIEvQIBADANBgkqhkiG9w0") == f"read {MARK}"


def test_nothing_is_changed_where_nothing_is_secret():
    lines = b'{"kind":"line","seq":1,"message":"short abc"}\n'

    assert Redactor(["abc"]).lines(lines) is lines
