"""Where an environment's store is: a file of the agent's, or a schema of its own on the fleet's PostgreSQL."""

from __future__ import annotations

from runner.agent.engine import store_url
from wistro.store.postgres.connecting import address_of

ENVIRONMENT = "0197c4ea-0000-7000-8000-000000000001"


def test_without_a_server_it_is_a_file() -> None:
    assert store_url("", ENVIRONMENT) is None


def test_each_environment_has_a_schema_of_its_own() -> None:
    urls = [
        store_url("postgres://fleet@db/stores?sslmode=require", id)
        for id in (ENVIRONMENT, ENVIRONMENT[:-1] + "2")
    ]

    first, second = (address_of(url or "") for url in urls)
    assert first.url == second.url == "postgres://fleet@db/stores?sslmode=require"
    assert first.schema != second.schema
    assert first.schema == "environment_0197c4ea000070008000000000000001"
