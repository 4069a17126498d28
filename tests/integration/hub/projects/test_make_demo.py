"""`manage.py make_demo`, as `make up` calls it."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from hub.accounts.models import User
from hub.common import doors
from hub.common.tenancy import tenant
from hub.projects.management.commands import make_demo
from hub.projects.models import Environment
from hub.projects.queries import variables_at
from tests.factories.accounts import an_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def say(capsys):
    def run() -> dict[str, str]:
        call_command("make_demo")
        (line,) = capsys.readouterr().out.splitlines()
        return json.loads(line)

    return run


def test_twice_is_as_once(say, api):
    first, second = say(), say()

    assert first == second
    assert first["project"] == "demo/shop"
    assert first["address"].startswith("http://dev--shop--demo.")
    client = api(token=first["token"])
    shop = client.get("/api/v1/organizations/demo/projects/shop").json()
    assert [one["name"] for one in shop["environments"]] == ["dev", "staging", "prod"]
    assert User.objects.filter(email=first["email"]).count() == 1


def test_its_password_signs_in_also_after_it_was_changed(say):
    made = say()
    user = User.objects.get(email=made["email"])
    user.set_password("another one")
    user.save()

    again = say()

    answer = Client().post(
        "/_allauth/browser/v1/auth/login",
        {"email": again["email"], "password": again["password"]},
        content_type="application/json",
    )
    assert (answer.status_code, again["password"]) == (200, made["password"])


def test_what_signs_the_examples_webhook_is_set_once(say):
    say()
    (place,) = doors.memberships_of(User.objects.get(email=make_demo.EMAIL).pk)
    with tenant(place.organization_id):
        dev = Environment.objects.get(name="dev")
        before = variables_at(dev)

    say()

    with tenant(place.organization_id):
        assert variables_at(Environment.objects.get(name="dev")) == before
    assert before["STOCK_SECRET"].text.startswith("whsec_")


def test_an_organization_of_others_is_not_taken_over(say):
    an_organization(slug="demo")

    with pytest.raises(CommandError, match=r"taken \[organization.slug-taken\]"):
        say()
