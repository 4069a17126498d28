"""The Hub's App: named by a file, or made; in production nobody makes it by coming first."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from hub.common.settings import SETTINGS, BadSetting
from hub.common.tenancy import tenant
from hub.sources import app, connecting, tasks
from hub.sources.models import ConnectState, Source
from tests.factories.sources import SECRET, a_git_source, a_key, an_app
from tests.integration.hub.sources.conftest import an_organization_with_project
from wistro.protocol.ids import show

pytestmark = pytest.mark.django_db


def with_settings(monkeypatch: pytest.MonkeyPatch, **changed: Any) -> None:
    monkeypatch.setattr(app, "SETTINGS", dataclasses.replace(SETTINGS, **changed))


def test_an_app_named_by_a_file_comes_before_one_that_was_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    an_app()
    told = {"id": 7, "slug": "ours", "client_id": "c", "client_secret": "s", "html_url": "h"}
    path = tmp_path / "app.json"
    path.write_text(json.dumps(told | {"webhook_secret": "w", "pem": a_key()}))

    with_settings(monkeypatch, github_app=path)

    found = app.current()
    assert found is not None
    assert (found.app_id, found.slug, found.webhook_secret) == (7, "ours", "w")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"id": "x"}'])
def test_a_file_that_names_no_app_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "app.json"
    path.write_text(text)
    with_settings(monkeypatch, github_app=path)

    with pytest.raises(BadSetting, match="WISTRO_GITHUB_APP"):
        app.current()


def test_in_production_no_app_is_made_by_whoever_comes_first(
    monkeypatch: pytest.MonkeyPatch, api: Any
) -> None:
    organization, owner, project = an_organization_with_project()
    with_settings(monkeypatch, mode="production")

    answer = api(owner).post(f"/api/v1/projects/{show('project', project.pk)}/source/github/start")

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "source.no-app")
    with tenant(organization):
        assert not ConnectState.objects.exists()


def test_an_apps_jwt_is_short_and_of_its_own_issuer() -> None:
    an_app(webhook_secret=SECRET)
    found, now = app.current(), int(time.time())
    assert found is not None

    token = jwt.decode(found.jwt(now_s=now), RSAKey.import_key(found.pem), algorithms=["RS256"])

    assert token.header["alg"] == "RS256"
    assert token.claims == {"iss": "1", "iat": now - 60, "exp": now + 540}


def test_beat_hands_out_sources_that_are_due_and_sweeps_what_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, sent = a_git_source(), []
    monkeypatch.setattr(tasks.reading, "send", lambda *ids: sent.append(ids))
    organization, owner, project = an_organization_with_project()
    with tenant(organization):
        connecting.new_state(project, owner, "s", purpose="install")
    with tenant(source.organization_id):  # the test is one transaction, whose now() stands still
        Source.objects.update(read_due_at="2000-01-01T00:00:00Z")

    tasks.hand_out_readings()
    tasks.sweep()

    assert sent == [(str(source.organization_id), str(source.pk))]
    with tenant(organization):
        assert ConnectState.objects.count() == 1
        ConnectState.objects.update(expires_at="2000-01-01T00:00:00Z")
    tasks.sweep()
    with tenant(organization):
        assert not ConnectState.objects.exists()
