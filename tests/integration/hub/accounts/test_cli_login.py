"""`wistro login`: authorization code with PKCE for a loopback address, against the real views."""

import base64
import hashlib
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from hub.accounts.models import LoginCode, Token
from tests.factories.accounts import a_user
from tests.factories.clients import BACKEND

pytestmark = pytest.mark.django_db

VERIFIER = "v" * 64
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
REDIRECT = "http://127.0.0.1:51234/callback"
ASKED = {
    "response_type": "code",
    "client_id": "wistro-cli",
    "redirect_uri": REDIRECT,
    "scope": "projects:read deploy",
    "state": "st4te",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@pytest.fixture
def browser():
    client = Client()
    client.user = a_user()
    client.force_login(client.user, backend=BACKEND)
    return client


def allow(browser, answer="allow", **changed):
    asked = {name: value for name, value in (ASKED | changed).items() if value is not None}
    return browser.post("/oauth/authorize", {"answer": answer}, query_params=asked)


def code_of(answer):
    return parse_qs(urlsplit(answer["Location"]).query)["code"][0]


def exchange(code, **changed):
    form = {
        "grant_type": "authorization_code",
        "client_id": "wistro-cli",
        "code": code,
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
    } | changed
    return Client().post(
        "/oauth/token", {name: value for name, value in form.items() if value is not None}
    )


def test_someone_who_is_not_signed_in_is_led_there_and_back():
    answer = Client().get("/oauth/authorize", ASKED)

    assert answer.status_code == 302
    address = urlsplit(answer["Location"])
    assert address.path == "/sign-in"
    assert parse_qs(urlsplit(parse_qs(address.query)["next"][0]).query)["state"] == ["st4te"]


def test_the_page_says_who_what_and_where(browser):
    page = browser.get("/oauth/authorize", ASKED)

    text = page.content.decode()
    assert page.status_code == 200
    assert browser.user.email in text
    assert "port 51234" in text
    assert "Deploy a folder" in text
    assert "Pull datasets" not in text
    assert "http://127.0.0.1:*" in page["Content-Security-Policy"]
    assert "no-store" in page["Cache-Control"]


def test_an_allowed_login_gives_a_token_with_the_asked_scopes(browser, api):
    answer = allow(browser)

    assert answer["Location"].startswith(REDIRECT + "?")
    assert parse_qs(urlsplit(answer["Location"]).query)["state"] == ["st4te"]
    given = exchange(code_of(answer)).json()
    assert given["access_token"].startswith("wst_")
    assert (given["token_type"], given["scope"], given["expires_in"]) == (
        "Bearer",
        "projects:read deploy",
        90 * 86400,
    )
    me = api(token=given["access_token"]).get("/api/v1/me").json()
    assert (me["user"]["email"], me["token"]["scopes"]) == (
        browser.user.email,
        ["projects:read", "deploy"],
    )


def test_a_denied_login_goes_back_without_a_code(browser):
    answer = allow(browser, answer="deny")

    assert parse_qs(urlsplit(answer["Location"]).query)["error"] == ["access_denied"]
    assert not LoginCode.objects.exists()


def test_a_code_is_good_once_and_its_second_use_takes_the_token_back(browser):
    code = code_of(allow(browser))
    assert exchange(code).status_code == 200

    again = exchange(code)

    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert not Token.objects.exists()


def test_a_code_ends_after_its_minute(browser):
    code = code_of(allow(browser))
    found = LoginCode.objects.get()
    assert found.expires_at - found.created_at <= timedelta(seconds=61)
    LoginCode.objects.update(expires_at=found.created_at - timedelta(seconds=1))

    assert exchange(code).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": "w" * 64},
        {"code_verifier": None},
        {"redirect_uri": "http://127.0.0.1:51235/callback"},
        {"client_id": "another"},
        {"grant_type": "password"},
        {"grant_type": "refresh_token"},
    ],
)
def test_a_code_is_refused_without_all_that_belongs_to_it(browser, changed):
    answer = exchange(code_of(allow(browser)), **changed)

    assert answer.status_code in (400, 401)
    assert not Token.objects.exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"code_challenge": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"redirect_uri": "http://127.0.0.1:51234/elsewhere"},
        {"redirect_uri": "https://evil.test/callback"},
        {"redirect_uri": "http://127.0.0.1:51234@evil.test/callback"},
        {"redirect_uri": "http://127.0.0.1/callback"},
        {"redirect_uri": "http://localhost:51234/callback"},
        {"redirect_uri": None},
        {"client_id": "another"},
        {"response_type": "token"},
        {"scope": "everything"},
    ],
)
def test_a_request_that_is_not_ours_makes_no_code(browser, changed):
    answer = allow(browser, **changed)

    assert answer.status_code in (302, 400)
    assert not answer.get("Location", REDIRECT).startswith("https://evil")
    assert not LoginCode.objects.exists()


def test_the_consent_form_needs_its_csrf_token(browser):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(browser.user, backend=BACKEND)

    assert (
        strict.post("/oauth/authorize", {"answer": "allow"}, query_params=ASKED).status_code == 403  # type: ignore[arg-type]
    )
    assert not LoginCode.objects.exists()


def test_codes_and_tokens_are_kept_as_hashes(browser):
    code = code_of(allow(browser))
    text = exchange(code).json()["access_token"]

    assert code not in str(LoginCode.objects.values().get())
    assert text not in str(Token.objects.values().get())
