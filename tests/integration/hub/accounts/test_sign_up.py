"""Sign-up, verification, sign-in and reset through django-allauth's headless API, as the screens use them."""

import re

import pytest
from django.core.cache import cache
from django.test import Client

from hub.accounts.models import User
from hub.common import mail
from tests.factories.accounts import unique

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def quick_hashes_and_fresh_limits(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.EMAIL_BACKEND = "hub.common.mail.Outbox"
    cache.clear()


@pytest.fixture
def browser():
    return Client(headers={"accept": "application/json"})


def post(client, path, **body):
    return client.post(f"/_allauth/browser/v1/{path}", body, content_type="application/json")


def code_sent_to(email):
    (newest, *_) = [one for one in mail.outbox() if one["to"] == [email]]
    found = re.search(r"^\s*([A-Z0-9]{3,}(?:-[A-Z0-9]{3,})*)\s*$", newest["text"], re.MULTILINE)
    assert found
    return found[1]


def signed_up(browser, email):
    post(browser, "auth/signup", email=email, password=PASSWORD)
    return post(browser, "auth/email/verify", key=code_sent_to(email))


def test_a_sign_up_waits_for_the_code_in_the_mail(browser):
    email = f"{unique()}@example.test"

    waiting = post(browser, "auth/signup", email=email, password=PASSWORD)

    assert waiting.status_code == 401
    assert [flow["id"] for flow in waiting.json()["data"]["flows"] if flow.get("is_pending")] == [
        "verify_email"
    ]
    assert browser.get("/api/v1/me").status_code == 401
    verified = post(browser, "auth/email/verify", key=code_sent_to(email))
    assert verified.status_code == 200
    assert browser.get("/api/v1/me").json()["user"]["email"] == email


def test_a_wrong_code_does_not_verify(browser):
    email = f"{unique()}@example.test"
    post(browser, "auth/signup", email=email, password=PASSWORD)

    assert post(browser, "auth/email/verify", key="WRONG1").status_code == 400
    assert browser.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize("password", ["short", "password123", "1234567890123", ""])
def test_a_weak_password_is_refused_with_its_reason(browser, password):
    answer = post(browser, "auth/signup", email=f"{unique()}@example.test", password=password)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["param"] == "password"


def test_a_taken_email_looks_like_any_other(browser):
    email = f"{unique()}@example.test"
    signed_up(browser, email)
    cache.clear()  # one mail an address and three minutes: the limit is not what this is about

    again = post(Client(), "auth/signup", email=email.upper(), password=PASSWORD)

    assert again.status_code == 401
    assert User.objects.filter(email=email).count() == 1


def test_signing_in_and_out(browser):
    email = f"{unique()}@example.test"
    signed_up(browser, email)
    other = Client()

    assert post(other, "auth/login", email=email, password="wrong wrong").status_code == 400
    assert post(other, "auth/login", email=email.upper(), password=PASSWORD).status_code == 200
    assert other.get("/api/v1/me").status_code == 200
    assert other.delete("/_allauth/browser/v1/auth/session").status_code == 401
    assert other.get("/api/v1/me").status_code == 401


def test_guessing_a_password_is_slowed_down(browser):
    email = f"{unique()}@example.test"
    signed_up(browser, email)
    other = Client()

    answers = {
        post(other, "auth/login", email=email, password=f"wrong {n}").status_code for n in range(12)
    }
    right = post(other, "auth/login", email=email, password=PASSWORD)

    assert answers <= {400, 429}
    assert right.status_code in (400, 429)


def test_a_forgotten_password_is_set_anew_by_a_code(browser):
    email = f"{unique()}@example.test"
    signed_up(browser, email)
    other = Client()

    post(other, "auth/password/request", email=email)
    reset = post(
        other, "auth/password/reset", key=code_sent_to(email), password="another horse battery"
    )

    assert reset.status_code == 200  # signed in with it, and the screens go on
    assert other.get("/api/v1/me").json()["user"]["email"] == email
    assert post(Client(), "auth/login", email=email, password=PASSWORD).status_code == 400
    assert (
        post(Client(), "auth/login", email=email, password="another horse battery").status_code
        == 200
    )


def test_the_outbox_shows_the_mail_of_a_development_hub(browser, api):
    email = f"{unique()}@example.test"
    post(browser, "auth/signup", email=email, password=PASSWORD)

    (newest, *_) = api().get("/api/v1/outbox").json()["items"]

    assert newest["to"] == [email]
    assert code_sent_to(email) in newest["text"]


def test_sign_in_needs_the_csrf_token():
    strict = Client(enforce_csrf_checks=True)

    answer = post(strict, "auth/login", email="a@example.test", password=PASSWORD)

    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "access.not-allowed"


def test_a_code_can_be_sent_again_and_only_the_newest_counts(browser):
    email = f"{unique()}@example.test"
    post(browser, "auth/signup", email=email, password=PASSWORD)
    first = code_sent_to(email)
    cache.clear()  # one code in three minutes, and no test waits

    again = post(browser, "auth/email/verify/resend")

    assert again.status_code == 200
    newest = code_sent_to(email)
    assert newest != first
    assert post(browser, "auth/email/verify", key=newest).status_code == 200
