"""What nobody can use any more is swept away; whose tries are counted together."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from hub.accounts import allauth, tasks
from hub.accounts.models import Token
from hub.common.settings import SETTINGS
from tests.factories.accounts import a_token, a_user


@pytest.mark.django_db
def test_ended_sessions_and_tokens_are_swept_away():
    now, user = timezone.now(), a_user()
    for key, days in (("ended", -1), ("good", 1)):
        Session.objects.create(session_key=key, session_data="", expire_date=now + timedelta(days=days))  # fmt: skip
    for days in (-31, -1, 1):
        a_token(user, lasts=timedelta(days=days))

    tasks.sweep()

    assert [one.session_key for one in Session.objects.all()] == ["good"]
    assert Token.objects.filter(user=user).count() == 2


@pytest.mark.parametrize(
    ("peer", "forwarded", "counted"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
    ],
)
def test_tries_are_counted_by_who_came_to_a_proxy_of_ours(peer, forwarded, counted, monkeypatch):
    monkeypatch.setattr(allauth, "SETTINGS", type("S", (), {"trusted_proxies": ("10.0.0.0/8",)}))

    assert allauth.caller(peer, forwarded) == counted


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["auth/login", "auth/signup", "auth/password/request"])
@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b'{"email": "\\ud800"}', b'{"email": "\\u0000", "password": "\\u0000"}', b"[]", b"null", b"\xff"])  # fmt: skip
def test_a_bad_body_at_sign_in_is_refused(path, body):
    browser = Client(headers={"accept": "application/json"}, raise_request_exception=False)

    answer = browser.post(f"/_allauth/browser/v1/{path}", body, content_type="application/json")

    assert 400 <= answer.status_code < 500


def test_the_hub_trusts_no_proxy_by_itself():
    assert SETTINGS.trusted_proxies == ()
