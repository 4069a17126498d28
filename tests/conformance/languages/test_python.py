"""What only Python steps can do: exit by exception, fork, write past sys.stdout, leave tasks behind."""

from __future__ import annotations

import pytest

from tests.conformance.languages.calls import Caller
from tests.conformance.languages.recorder import Recorder
from tests.conformance.languages.test_endings import results
from wistro.hosts.port import Threw

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(autouse=True)
def only_python(caller: Caller) -> None:
    if caller.subject.language != "python":
        pytest.skip("not Python")


async def test_sys_exit_fails_the_call_and_not_the_host(caller: Caller) -> None:
    before = results(await caller.call(["pid"]))

    outcome = await caller.call(["exit", 3])

    assert isinstance(outcome, Threw)
    assert (outcome.failed.type, outcome.failed.message) == ("SystemExit", "3")
    assert results(await caller.call(["pid"])) == before


async def test_forked_child_does_not_speak_for_its_parent(caller: Caller) -> None:
    recorder = Recorder()

    outcome = await caller.call(["fork"], ["emit", "t", "from the parent"], asks=recorder)

    assert results(outcome) == []
    assert recorder.emits == [("t", "from the parent")]
    assert recorder.lines == []


async def test_what_passes_by_sys_stdout_is_a_line_of_no_call(caller: Caller) -> None:
    caller.lines.clear()

    await caller.call(["raw_write", "straight\n"])

    line = await caller.line_with(lambda line: line.message == "straight")
    assert (line.call, line.source, line.level) == (None, "stdout", "info")


async def test_exit_in_what_a_step_left_behind_does_not_end_the_host(caller: Caller) -> None:
    before = results(await caller.call(["pid"]))

    await caller.call(["leave_behind"])

    assert results(await caller.call(["sleep", 0.01], ["pid"])) == before
