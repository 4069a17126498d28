"""The embedded stores as tests and `make up` get them."""

import psycopg
import pytest
import redis


def test_the_app_role_is_no_superuser_and_does_not_bypass_policies(stores):
    with psycopg.connect(stores.database_url) as connection:
        row = connection.execute(
            "SELECT current_user, rolsuper, rolbypassrls, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        ).fetchone()

    assert row == ("wistro_app", False, False, False)


def test_owner_and_ingest_bypass_policies_without_being_superusers(stores):
    for url in (stores.database_owner_url, stores.database_ingest_url):
        with psycopg.connect(url) as connection:
            row = connection.execute(
                "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
            ).fetchone()

        assert row == (False, True)


def test_the_database_belongs_to_the_owner_and_the_app_may_make_no_table(stores):
    with psycopg.connect(stores.database_url) as connection:
        owner = connection.execute(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'wistro'"
        ).fetchone()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE intruder ()")

    assert owner == ("wistro_owner",)


def test_a_wrong_password_is_refused_on_the_socket(stores):
    wrong = stores.database_url.replace("wistro_app:", "wistro_app:not-")

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_valkey_asks_for_its_password(stores):
    client = redis.Redis.from_url(stores.redis_url)
    stranger = redis.Redis(port=client.connection_pool.connection_kwargs["port"])

    assert client.ping()
    with pytest.raises(redis.AuthenticationError):
        stranger.ping()
    client.close()
    stranger.close()
