"""Tests of the Hub run as the app role: behind both walls, no superuser, no owner, no BYPASSRLS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.doubles.github import GitHub
from tests.integration.hub import place


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: Any) -> Iterator[None]:
    """The session's database, laid by our migrations as the owner; pytest-django's own set-up is not used."""
    from django.core.management import call_command
    from django.db import connections
    from django.test import TransactionTestCase

    with place.servers(), django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda test: place.empty())
        call_command("migrate", verbosity=0)
        connections.close_all()
        yield
        connections.close_all()


@pytest.fixture(scope="session")
def github(django_db_setup: None) -> Iterator[GitHub]:
    """The double of GitHub, at the address that this session's settings name."""
    with GitHub.start(place.GITHUB, port=place.GITHUB_PORT) as github:
        yield github


@pytest.fixture
def api(db: None) -> Any:
    """A client that speaks JSON: `api(user)`, `api(token="wst_…")`, `api()` as nobody."""
    from tests.factories.clients import client

    return client


@pytest.fixture
def machines(settings: Any, db: None) -> Any:
    """The machines' server in this test: `machines(token)` is a client of /machine/v1."""
    from tests.factories.clients import client

    settings.ROOT_URLCONF = "hub.machine_urls"
    settings.MIDDLEWARE = ["hub.common.logs.RequestLog"]
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024
    return lambda token=None: client(token=token)
