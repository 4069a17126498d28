"""Bad input at the Hub's doors: a forged webhook, too large a body, weights that do not add up."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from hub.common.api.limits import WEBHOOK
from hub.common.tenancy import tenant
from hub.ingress.models import Weight
from tests.factories.accounts import owner_of
from tests.factories.deployments import a_deployment, a_version
from tests.factories.projects import an_environment
from tests.factories.sources import an_app
from wistro.protocol.ids import show

pytestmark = pytest.mark.django_db


def refused(answer: Any) -> dict[str, Any]:
    text = answer.content.decode()
    assert "Traceback" not in text and 'File "' not in text
    error = answer.json()["error"]
    assert error["message"]
    return error


def hook(body: bytes, signature: str) -> Any:
    return Client().post(
        "/hooks/github",
        body,
        content_type="application/json",
        headers={
            "x-hub-signature-256": signature,
            "x-github-delivery": "one",
            "x-github-event": "push",
        },
    )


def test_a_forged_webhook_is_refused_and_told_how_it_is_signed() -> None:
    an_app()

    answer = hook(b"{}", "sha256=" + "0" * 64)

    assert answer.status_code == 401
    error = refused(answer)
    assert error["code"] == "hook.signature"
    assert "X-Hub-Signature-256" in error["hint"]


def test_a_body_too_large_is_refused_before_it_is_checked() -> None:
    an_app()

    answer = hook(b" " * (WEBHOOK + 1), "")

    assert answer.status_code == 413
    assert refused(answer)["code"] == "request.too-large"


def test_weights_that_do_not_add_up_are_refused_with_their_sum(api: Any) -> None:
    environment = an_environment(name="prod")
    one, two = (
        a_deployment(environment, version=a_version(environment.project, ready=True), healthy=True)
        for _ in range(2)
    )
    client = api(owner_of(environment.organization_id))
    path = f"/api/v1/environments/{show('environment', environment.pk)}/traffic"
    before = client.get(path).json()
    wish = {show("deployment", one.pk): 2500, show("deployment", two.pk): 7000}

    answer = client.put(path, {"weights": wish, "if_generation": before["generation"]})

    assert answer.status_code == 422
    error = refused(answer)
    assert error["code"] == "traffic.sum"
    assert "95 %, not 100 %" in error["message"]
    assert "10,000" in error["hint"]
    assert client.get(path).json()["generation"] == before["generation"]
    with tenant(environment.organization_id):
        assert not Weight.objects.filter(basis_points=7000).exists()
