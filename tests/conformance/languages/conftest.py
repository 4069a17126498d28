"""One pool a subject, shared by its cases; each test that ends a host gets another from it."""

from __future__ import annotations

import pytest
import pytest_asyncio

from tests.conformance.languages.calls import Caller
from tests.conformance.languages.subjects import SUBJECTS, Subject, checked_out
from wistro.hosts.plain import PlainLauncher
from wistro.hosts.pool import HostPool, Sizes


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first of Go's may find that its standard library is not compiled on this machine."""
    for item in items:
        if "[go" in item.name:
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="module", params=SUBJECTS, ids=[one.name for one in SUBJECTS])
def subject(request: pytest.FixtureRequest) -> Subject:
    return request.param


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(subject: Subject, tmp_path_factory: pytest.TempPathFactory):
    caller = Caller(subject)
    caller.pool = HostPool(
        checked_out(subject, tmp_path_factory.mktemp(subject.name)),
        launcher=PlainLauncher(),
        on_line=caller.take_line,
        sizes=Sizes(hosts=2, cancel_grace_s=1.0),
    )
    yield caller
    await caller.pool.close(grace_s=2)
