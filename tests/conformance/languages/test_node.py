"""What only JavaScript steps can do: throw and reject where nobody catches."""

from __future__ import annotations

import pytest

from tests.conformance.languages.calls import Caller
from tests.conformance.languages.test_endings import results
from wistro.hosts.port import Threw

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(autouse=True)
def only_node(caller: Caller) -> None:
    if caller.subject.language != "node":
        pytest.skip("not Node")


@pytest.mark.parametrize(
    ("act", "message"), [("throw_later", "thrown later"), ("reject_unhandled", "rejected aside")]
)
async def test_what_nobody_catches_fails_its_own_call(
    act: str, message: str, caller: Caller
) -> None:
    before = results(await caller.call(["pid"]))

    outcome = await caller.call([act])

    assert isinstance(outcome, Threw)
    assert outcome.failed.message == message
    assert results(await caller.call(["pid"])) == before
