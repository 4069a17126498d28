"""Removing a project while its version is built, or deployed elsewhere in the fleet."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.db import connection, connections

from hub.common.tenancy import tenant
from hub.deployments import deploying, versions
from hub.deployments.models import Build
from hub.fleet.actions import serial
from hub.projects.actions import remove_project
from hub.projects.models import Project
from tests.factories.deployments import a_deployment, a_version
from tests.factories.projects import an_environment

pytestmark = pytest.mark.django_db(transaction=True)
LIMIT_S = 20


def test_a_project_leaves_the_fleets_tables_with_its_rows():
    deployment = a_deployment(healthy=True)
    before = serial()

    with tenant(deployment.organization_id):
        remove_project(Project.objects.get())

    assert serial() == before + 1


def await_a_waiter() -> None:
    """Until another connection of ours waits for a lock."""
    end = time.monotonic() + LIMIT_S
    with connection.cursor() as cursor:
        while time.monotonic() < end:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"
            )
            if cursor.fetchone() != (0,):
                return
            time.sleep(0.01)  # PostgreSQL tells nobody that somebody waits
    raise AssertionError("Nobody waits for a lock")


def test_it_waits_for_the_builders_last_word_and_locks_nothing_out_of_order():
    """A builder holds its build and then asks for the environment, so removing takes builds first."""
    environment = an_environment(name="prod")
    version = a_version(environment.project, to=environment)
    has_build, removing = Event(), Event()

    def last_word() -> None:
        with tenant(version.organization_id):
            versions.locked(Build.objects.get(version=version).pk)
            has_build.set()
            assert removing.wait(LIMIT_S)
            await_a_waiter()
            deploying.locked(environment)

    def remove() -> None:
        assert has_build.wait(LIMIT_S)
        with tenant(version.organization_id):
            found = Project.objects.get()
            removing.set()
            remove_project(found)

    def alone(act: Any) -> None:
        try:
            act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(alone, last_word), pool.submit(alone, remove)]:
            done.result(LIMIT_S)

    with tenant(version.organization_id):
        assert not Project.objects.exists()
