"""pytest: one PostgreSQL and one Valkey for a test session, started when the first test asks for `stores`.

Their addresses are chosen when this is imported and put into the environment then, so that settings read
early (Django's) are right; outside ones named by DATABASE_URL and REDIS_URL are not used by tests.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra import embedded
from infra.place import Place, Ports
from infra.ports import free_ports
from infra.processes import BY_NAME
from infra.settings import DATABASE_URLS, database_url, secrets_of, settings_of
from infra.supervisor import Supervisor

EARLY = ("DATABASE_URL", "REDIS_URL", "WISTRO_SECRET_KEY", "WISTRO_KEY_RING", "WISTRO_POOL_TOKEN")


@dataclass(frozen=True)
class Stores:
    """Where the session's PostgreSQL (as each role, and as its superuser) and Valkey answer."""

    database_url: str
    database_owner_url: str
    database_ingest_url: str
    database_superuser_url: str
    redis_url: str


def _chosen() -> Place:
    data = Path(tempfile.mkdtemp(prefix="wistro-tests-"))
    chosen = Place(data=data, ports=Ports(*free_ports(4)), durable=False)
    atexit.register(shutil.rmtree, chosen.run, ignore_errors=True)
    atexit.register(shutil.rmtree, data, ignore_errors=True)
    values = settings_of(chosen)
    for name in (*DATABASE_URLS.values(), *EARLY, "WISTRO_MODE", "WISTRO_BLOBS"):
        os.environ[name] = values[name]
    return chosen


PLACE = _chosen()


@pytest.fixture(scope="session")
def stores() -> Iterator[Stores]:
    """Running stores with the three roles; the owner may create databases, as pytest-django must."""
    loop = asyncio.new_event_loop()
    running = loop.run_until_complete(_start())
    kept = secrets_of(PLACE)
    urls = {f"database_{role}_url": database_url(PLACE, role, kept) for role in ("owner", "ingest")}
    try:
        yield Stores(
            database_url=database_url(PLACE, "app", kept),
            database_superuser_url=embedded.superuser(PLACE, "postgres"),
            redis_url=settings_of(PLACE)["REDIS_URL"],
            **urls,
        )
    finally:
        loop.run_until_complete(running.stop())
        loop.close()


async def _start() -> Supervisor:
    running = Supervisor(PLACE)
    PLACE.make_folders()
    for name in ("postgres", "valkey"):
        running.start(BY_NAME[name])
    await running.wait_ready()
    embedded.make_roles(PLACE, for_tests=True)
    return running


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A place of its own, on free ports, for a test that starts processes (`infra.up.system`)."""
    chosen = Place(data=tmp_path / ".data", ports=Ports(*free_ports(4)), durable=False)
    yield chosen
    shutil.rmtree(chosen.run, ignore_errors=True)
