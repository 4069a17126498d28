"""What only Go steps can do: panic, return errors without a place, end goroutines, log by the standard packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.languages.calls import Caller
from tests.conformance.languages.recorder import Recorder
from tests.conformance.languages.subjects import PROJECTS
from tests.conformance.languages.test_endings import results
from wistro.hosts.port import HostLost, Threw

pytestmark = pytest.mark.asyncio(loop_scope="module")
OWN = "src/own.go"


@pytest.fixture(autouse=True)
def only_go(caller: Caller) -> None:
    if caller.subject.language != "go":
        pytest.skip("not Go")


def line_of(mark: str) -> int:
    lines = Path(PROJECTS, "go", OWN).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if mark in line)


async def test_panic_fails_its_call_at_its_own_line(caller: Caller) -> None:
    before = results(await caller.call(["pid"]))

    outcome = await caller.call(["panic", "out of stock"])

    assert isinstance(outcome, Threw)
    assert (outcome.failed.type, outcome.failed.message) == ("panic", "out of stock")
    assert outcome.failed.stack.splitlines()[-1].endswith(f"({OWN}:{line_of('PANICS HERE')})")
    assert outcome.failed.retry == "yes"
    assert results(await caller.call(["pid"])) == before


async def test_runtime_error_is_named_as_go_names_it(caller: Caller) -> None:
    outcome = await caller.call(["panic_error"])

    assert isinstance(outcome, Threw)
    assert outcome.failed.type.startswith("runtime.")
    assert outcome.failed.message == "assignment to entry in nil map"
    assert f"({OWN}:{line_of('= 1')})" in outcome.failed.stack


async def test_error_without_a_place_has_that_of_its_step(caller: Caller) -> None:
    outcome = await caller.call(["plain_error"])

    assert isinstance(outcome, Threw)
    assert (outcome.failed.type, outcome.failed.message) == ("error", "plain")
    assert outcome.failed.stack.startswith("    at Acts (src/acts.step.go:")


async def test_goroutine_that_ends_itself_fails_its_call(caller: Caller) -> None:
    outcome = await caller.call(["go_exit"])

    assert isinstance(outcome, Threw)
    assert "runtime.Goexit" in outcome.failed.message


async def test_panic_in_a_goroutine_of_a_step_ends_the_host_and_says_where(caller: Caller) -> None:
    outcome = await caller.call(["panic_aside"])

    assert isinstance(outcome, HostLost)
    assert (outcome.alone, outcome.exit) == (True, "exit 2")
    assert outcome.stderr.startswith("panic: aside")
    assert OWN in outcome.stderr


async def test_standard_loggers_are_the_calls_own(caller: Caller) -> None:
    recorder = Recorder()

    await caller.call(["log_standard"], asks=recorder)

    assert recorder.lines == [
        ("info", "by log", {}, "stderr"),
        ("warn", "by slog", {"n": 1}, "logger"),
        ("info", "from a goroutine", {"n": 2}, "logger"),
    ]


async def test_what_a_child_process_prints_is_the_calls_line(caller: Caller) -> None:
    recorder = Recorder()

    await caller.call(["child", "echo from a child"], asks=recorder)

    assert recorder.lines == [("info", "from a child", {}, "stdout")]


@pytest.mark.parametrize("kind", ["channel", "complex"])
async def test_go_refuses_its_own_odd_values(kind: str, caller: Caller) -> None:
    outcome = await caller.call(["emit_odd", kind])

    assert isinstance(outcome, Threw)
    assert (outcome.failed.type, outcome.failed.retry) == ("Unserialisable", "yes")
    assert outcome.failed.message.endswith("at /a/1")
