"""Machines register with the pool's token, and are who they say by their own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.db.models.functions import Now

from hub.fleet.models import Machine
from tests.factories.accounts import a_user
from tests.factories.deployments import a_machine
from tests.integration.hub.place import ENVIRONMENT
from wistro.protocol import PROTOCOL
from wistro.protocol.machine import Registered, Registration

pytestmark = pytest.mark.django_db


@pytest.fixture
def register(machines: Any) -> Any:
    def ask(kind: str = "agent", *, name: str = "one", token: str = ENVIRONMENT["WISTRO_POOL_TOKEN"], protocol: int = PROTOCOL) -> Any:  # fmt: skip
        body = msgspec.json.encode(Registration(protocol, kind, name, sandbox={"seccomp": "on"}))
        return machines(token).generic("POST", "/machine/v1/register", body, content_type="application/json")  # fmt: skip

    return ask


def test_a_machine_that_registers_again_keeps_its_id_and_loses_its_old_token(register, machines):
    first = msgspec.json.decode(register().content, type=Registered)
    second = msgspec.json.decode(register().content, type=Registered)

    assert first.machine_id == second.machine_id
    assert machines(first.token).get("/machine/v1/assignments").status_code == 401
    assert machines(second.token).get("/machine/v1/assignments").status_code == 200


def test_a_machine_of_the_same_name_but_another_kind_is_another(register):
    agent = msgspec.json.decode(register("agent").content, type=Registered)
    gateway = msgspec.json.decode(register("gateway").content, type=Registered)

    assert agent.machine_id != gateway.machine_id


@pytest.mark.parametrize("token", ["", "wrong", "ünï"])
def test_without_the_pools_token_nobody_registers(register, token):
    assert register(token=token).status_code == 401
    assert not Machine.objects.exists()


def test_a_machines_own_token_registers_no_other(register):
    assert register(token=a_machine("agent").token).status_code == 401


def test_a_machine_of_no_known_kind_is_refused(register):
    assert register("printer").status_code == 422
    assert register("agent", name="").status_code == 422


def test_a_newer_protocol_is_refused_by_name_and_the_one_before_is_spoken(register):
    newer = register(protocol=PROTOCOL + 1)

    assert (newer.status_code, newer.json()["error"]["code"]) == (409, "fleet.protocol")
    assert register(protocol=PROTOCOL - 1).status_code == 200


def test_the_fleet_shows_who_is_alive_and_what_holds_tenants_in(api):
    alive, silent = a_machine("agent", name="here"), a_machine("builder", name="gone")
    forgotten = a_machine("builder", name="of last year")
    for machine, hours in ((silent, 1), (forgotten, 25)):
        ago = Now() - timedelta(hours=hours)
        Machine.objects.filter(pk=machine.machine_id).update(seen_at=ago)

    shown = api(a_user()).get("/api/v1/fleet").json()["machines"]

    assert [(one["name"], one["kind"], one["state"]) for one in shown] == [
        ("here", "agent", "alive"),
        ("gone", "builder", "silent"),
    ]
    assert alive.token not in str(shown)
