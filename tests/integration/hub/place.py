"""A PostgreSQL and a Valkey for this test session, with the three roles, and Django set up to use them.

Importing this module sets Django up; `servers()` runs the two servers. The variables it needs are taken away
again afterwards, so that no other test sees them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest.mock import patch

import psycopg
import redis

from infra import embedded
from infra.place import Place, Ports
from infra.ports import free_ports
from infra.settings import settings_of
from tests.doubles.github import ca

LIMIT_S = 30.0
RUNNING: list[subprocess.Popen] = []


def make() -> Place:
    data = Path(tempfile.mkdtemp(prefix="hub-tests-"))
    return Place(data=data, ports=Ports(valkey=free_ports(1)[0]), durable=False)


PLACE = make()
GITHUB = PLACE.data / "github"  # of the double; it runs in the tests that ask for `github`
GITHUB_PORT = free_ports(1)[0]
GITHUB_URL = f"https://127.0.0.1:{GITHUB_PORT}"
ENVIRONMENT = settings_of(PLACE) | {
    "WISTRO_GITHUB_URL": GITHUB_URL,
    "WISTRO_GITHUB_API_URL": f"{GITHUB_URL}/api/v3",
    "WISTRO_TRUSTED_NETWORKS": "127.0.0.0/8",
    "WISTRO_EXTRA_CA": str(ca.make(GITHUB / "ca")),
    "WISTRO_DATABASE_POOL": "0",
    "WISTRO_BLOBS": str(PLACE.data / "blobs"),
    "WISTRO_SCREENS": str(PLACE.data / "screens"),
    "WISTRO_LOG_LEVEL": "warning",
}


def set_up_django() -> None:
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "hub.settings"
    inherited = {
        k: v for k, v in os.environ.items() if not k.startswith(("WISTRO_", "DATABASE_", "REDIS_"))
    }
    with patch.dict(os.environ, inherited | ENVIRONMENT, clear=True):
        django.setup()
    # pytest's workers inherit our environment: with this one they would set up with our servers
    del os.environ["DJANGO_SETTINGS_MODULE"]


@contextmanager
def servers() -> Iterator[None]:
    """Both servers running, the database migrated by the owner; ended and removed afterwards."""
    embedded.prepare_postgres(PLACE)
    embedded.prepare_valkey(PLACE)
    screens = Path(ENVIRONMENT["WISTRO_SCREENS"])
    screens.mkdir(exist_ok=True)
    (screens / "index.html").write_text("<!doctype html><title>wistro</title>")
    try:
        start(embedded.postgres_command(PLACE))
        await_answer(lambda: psycopg.connect(embedded.superuser(PLACE, "postgres")).close())
        start_valkey()
        embedded.make_roles(PLACE)
        yield
    finally:
        for one in RUNNING:
            one.terminate()
        for one in RUNNING:
            with suppress(subprocess.TimeoutExpired):
                one.wait(10)
            one.kill()
            one.wait(10)
        shutil.rmtree(PLACE.data, ignore_errors=True)
        shutil.rmtree(PLACE.run, ignore_errors=True)


def empty() -> None:
    """Take all rows away, as the owner: the app role may truncate no table."""
    with psycopg.connect(ENVIRONMENT["DATABASE_OWNER_URL"], autocommit=True) as connection:
        tables = connection.execute(
            "SELECT string_agg(format('%I', relname), ', ') FROM pg_class WHERE relkind IN ('r', 'p') "
            "AND NOT relispartition AND relnamespace = 'public'::regnamespace AND relname <> 'django_migrations'"
        ).fetchone()
        connection.execute(f"TRUNCATE {tables[0]} RESTART IDENTITY")  # type: ignore[index,arg-type]


def start(argv: list[str]) -> None:
    RUNNING.append(
        subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=PLACE.data)
    )


def start_valkey() -> None:
    """Also after a test has ended it."""
    start(embedded.valkey_command(PLACE))

    def ask() -> None:
        with redis.Redis.from_url(ENVIRONMENT["REDIS_URL"]) as client:
            client.ping()

    await_answer(ask)


def await_answer(ask: Callable[[], None]) -> None:
    end = time.monotonic() + LIMIT_S
    while True:
        try:
            return ask()
        except (psycopg.OperationalError, redis.ConnectionError):
            if RUNNING[-1].poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.05)  # a server that starts tells nobody when it is ready


set_up_django()
