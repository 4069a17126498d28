from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from runner.builder import indexes
from runner.builder.build import Shop
from runner.builder.indexes import Indexes
from runner.builder.service import serve
from runner.builder.store import Store
from runner.hub import Hub
from runner.sandbox import Egress, SandboxLauncher
from runner.settings import load
from tests.integration.runner.builder import git_host, machine_api
from tests.integration.runner.builder.git_host import GitHost
from tests.integration.runner.builder.machine_api import MachineApi


@contextlib.contextmanager
def serving(server) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.fixture
def api() -> Iterator[MachineApi]:
    api = MachineApi()
    with serving(machine_api.serve(api)):
        yield api


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHost]:
    host = GitHost(tmp_path_factory.mktemp("git"))
    with serving(git_host.serve(host)):
        yield host


@pytest.fixture(scope="session")
def found(tmp_path_factory: pytest.TempPathFactory) -> Indexes:
    return indexes.find(tmp_path_factory.mktemp("indexes"), extra_ca=None)


@pytest.fixture(scope="module")
def launcher() -> Iterator[SandboxLauncher]:
    launcher = SandboxLauncher(egress=Egress(trusted_networks=("127.0.0.0/8",)))
    yield launcher
    launcher.close()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """One disk for all builds of a file, as a builder has."""
    return Store(tmp_path_factory.mktemp("builder") / "data")


@pytest.fixture
async def builder(
    api: MachineApi, store: Store, launcher: SandboxLauncher, found: Indexes, tmp_path: Path
) -> AsyncIterator[Shop]:
    async with building(api, store, launcher, found, tmp_path) as shop:
        yield shop


@contextlib.asynccontextmanager
async def building(
    api: MachineApi, store: Store, launcher: SandboxLauncher, found: Indexes, tmp_path: Path
) -> AsyncIterator[Shop]:
    """A builder that works off what `api` orders."""
    settings = load(
        {
            "WISTRO_MACHINES_URL": f"http://127.0.0.1:{api.port}",
            "WISTRO_POOL_TOKEN": "pool",
            "WISTRO_DATA": str(tmp_path / "machine"),
            "WISTRO_RUN": str(tmp_path / "run"),
        }
    )
    hub = Hub(settings, kind="builder", sandbox=launcher.report())
    shop = Shop(hub, store, launcher, found)
    stopping = asyncio.Event()
    serving_builds = asyncio.create_task(serve(shop, at_once=1, stopping=stopping))
    yield shop
    stopping.set()
    await serving_builds
    await hub.close()
