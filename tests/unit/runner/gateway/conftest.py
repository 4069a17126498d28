"""A gateway whose time and ids are given, with a table of one environment and an engine double behind it."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from runner.gateway.caller import Domain, Proxies
from runner.gateway.engines import Engines
from runner.gateway.gateway import Gateway
from runner.paths import engine_socket
from tests.doubles.engine_door import NOW_US, EngineDoor
from tests.factories.auth import a_verifier
from tests.factories.routing import ENVIRONMENT
from wistro.protocol.addresses import read_networks
from wistro.protocol.ids import uuid7


@pytest.fixture
def run_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="w-"))  # short: a socket's path holds 107 bytes
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
async def engine(run_folder: Path) -> AsyncIterator[EngineDoor]:
    double = EngineDoor(engine_socket(run_folder, ENVIRONMENT))
    await double.start()
    yield double
    await double.stop()


@pytest.fixture
async def gateway(run_folder: Path) -> AsyncIterator[Gateway]:
    engines = Engines(run_folder, hold_s=0.5, answer_s=10.0)
    ids = itertools.count()

    def new_id() -> UUID:
        return uuid7(now_ms=NOW_US // 1000, random=next(ids).to_bytes(10, "big"))

    yield Gateway(
        domain=Domain("http://{label}.localhost:8080"),
        proxies=Proxies(read_networks("10.0.0.0/8")),
        engines=engines,
        verifier=a_verifier(),
        new_id=new_id,
        now_us=lambda: NOW_US,
    )
    engines.close()
