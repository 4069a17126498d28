"""How the Hub is asked: what is tried again, what is not, and how each refusal is told."""

from __future__ import annotations

import json

import pytest

from infra.ports import free_ports
from wistro.hub_client import address
from wistro.hub_client.connection import TRIES, Hub
from wistro.hub_client.errors import (
    BadHubAddress,
    FileChanged,
    HubRefused,
    HubUnreachable,
    HubUnreadable,
    NotSignedIn,
)

OK = (200, {}, b'{"a": 1}')
BUSY = (503, {}, b"busy")


def refusal(status: int, code: str) -> tuple[int, dict[str, str], bytes]:
    error = {"code": code, "message": "no", "hint": "do", "fields": {"name": "taken"}}
    return status, {}, json.dumps({"error": error}).encode()


@pytest.fixture
def hub(double):
    made = double.hub
    yield made
    made.close()


def test_the_token_goes_with_each_request(double, hub):
    double.answers = [OK]

    assert hub.get("/api/v1/größe", dict, text="a b&c") == {"a": 1}

    assert double.asked[0].headers["Authorization"] == "Bearer wst_secret"
    assert double.asked[0].path == "/api/v1/gr%C3%B6%C3%9Fe?text=a+b%26c"


@pytest.mark.parametrize("first", [BUSY, None])
def test_a_get_is_tried_again(double, hub, first):
    double.answers = [first, OK]

    assert hub.get("/", dict) == {"a": 1}


@pytest.mark.parametrize("first", [BUSY, None])
def test_a_post_is_sent_once(double, hub, first):
    double.answers = [first, OK]

    with pytest.raises(HubUnreachable):
        hub.post("/", {}, dict)

    assert len(double.asked) == 1


def test_tries_end(double, hub):
    double.answers = [BUSY] * TRIES

    with pytest.raises(HubUnreachable, match="503"):
        hub.get("/", dict)

    assert len(double.asked) == TRIES


def test_a_long_retry_after_is_not_waited_for(double, hub):
    double.answers = [(429, {"Retry-After": "3600"}, refusal(429, "request.too-many")[2])]

    with pytest.raises(HubRefused) as refused:
        hub.get("/", dict)

    assert refused.value.code == "request.too-many"


def test_a_refusal_keeps_the_hubs_words(double, hub):
    double.answers = [refusal(422, "project.taken")]

    with pytest.raises(HubRefused) as refused:
        hub.put("/", {}, dict)

    error = refused.value
    assert (error.code, error.message, error.hint) == ("project.taken", "no", "do")
    assert (error.fields, error.http_status) == ({"name": "taken"}, 422)
    assert HubRefused.code == "hub.refused"


def test_a_token_that_ended_says_to_log_in(double, hub):
    double.answers = [refusal(401, "access.token")]

    with pytest.raises(NotSignedIn) as refused:
        hub.get("/", dict)

    assert "wistro login" in (refused.value.hint or "")


def test_a_redirect_is_not_followed(double, hub):
    double.answers = [(302, {"Location": "https://elsewhere.test/"}, b"")]

    with pytest.raises(HubUnreadable, match="elsewhere"):
        hub.get("/", dict)

    assert len(double.asked) == 1


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"\xff"])
def test_an_answer_that_is_none_of_the_hubs_is_told(double, hub, body):
    double.answers = [(200, {}, body)]

    with pytest.raises(HubUnreadable):
        hub.get("/", dict)


def test_nobody_there_is_told_with_the_address():
    port = free_ports(1)[0]

    with pytest.raises(HubUnreachable, match=f"http://127.0.0.1:{port}: connection refused"):
        Hub(address.read(f"http://127.0.0.1:{port}")).post("/", {}, dict)


def test_a_file_is_streamed_and_sent_whole_again(double, hub, tmp_path):
    file = tmp_path / "blob"
    file.write_bytes(b"x" * 300_000)
    double.answers = [None, (204, {}, b"")]

    hub.put_blob("/blob", file)

    assert [len(one.body) for one in double.asked] == [300_000, 300_000]


def test_a_file_that_went_away_is_told(double, hub, tmp_path):
    with pytest.raises(FileChanged):
        hub.put_blob("/blob", tmp_path / "gone")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("hub.example.com", "https://hub.example.com"),
        ("https://hub.example.com:443/", "https://hub.example.com"),
        ("http://localhost:8000/", "http://localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://example.com/hub/", "https://example.com/hub"),
    ],
)
def test_an_address_has_one_spelling(text, read):
    assert str(address.read(text)) == read


@pytest.mark.parametrize(
    "text",
    [
        "http://hub.example.com",
        "ftp://localhost",
        "https://user@hub.test",
        "https://:1",
        "https://a:b",
        "https://a?x=1",
        "http://localhost.evil.test",
        "",
    ],
)
def test_an_address_that_is_none_or_unsafe_is_refused(text):
    with pytest.raises(BadHubAddress):
        address.read(text)
