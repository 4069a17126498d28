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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest.mock import patch

import psycopg
import redis

from infra import embedded
from infra.place import Place, Ports
from infra.ports import free_ports
from infra.settings import settings_of

LIMIT_S = 30.0


def make() -> Place:
    data = Path(tempfile.mkdtemp(prefix="hub-tests-"))
    return Place(data=data, ports=Ports(valkey=free_ports(1)[0]), durable=False)


PLACE = make()
ENVIRONMENT = settings_of(PLACE) | {
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


@contextmanager
def servers() -> Iterator[None]:
    """Both servers running, the database migrated by the owner; ended and removed afterwards."""
    embedded.prepare_postgres(PLACE)
    embedded.prepare_valkey(PLACE)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": PLACE.data}
    running = [
        subprocess.Popen(embedded.postgres_command(PLACE), **quiet),  # type: ignore[call-overload]
        subprocess.Popen(embedded.valkey_command(PLACE), **quiet),  # type: ignore[call-overload]
    ]
    try:
        await_answer(
            lambda: psycopg.connect(embedded.superuser(PLACE, "postgres")).close(), running[0]
        )
        await_answer(lambda: redis.Redis.from_url(ENVIRONMENT["REDIS_URL"]).ping(), running[1])
        embedded.make_roles(PLACE)
        yield
    finally:
        for one in running:
            one.terminate()
        for one in running:
            with suppress(subprocess.TimeoutExpired):
                one.wait(10)
            one.kill()
            one.wait(10)
        shutil.rmtree(PLACE.data, ignore_errors=True)
        shutil.rmtree(PLACE.run, ignore_errors=True)


def await_answer(ask: object, process: subprocess.Popen) -> None:
    end = time.monotonic() + LIMIT_S
    while True:
        try:
            ask()  # type: ignore[operator]
            return
        except (psycopg.OperationalError, redis.ConnectionError):
            if process.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.05)  # a server that starts tells nobody when it is ready


set_up_django()
