"""How a call ends when its step does not return: deadlines, crashes, floods, code that cannot be loaded."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.conformance.languages.calls import Caller
from tests.conformance.languages.recorder import Recorder
from tests.conformance.languages.test_contract import place_of_throw
from wistro.hosts.port import HostLost, Outcome, Returned, Threw, TimedOut
from wistro.languages import LANGUAGES

pytestmark = pytest.mark.asyncio(loop_scope="module")


def results(outcome: Outcome) -> list[Any]:
    assert isinstance(outcome, Returned), outcome
    return outcome.answer["body"]["results"]


class Signals(Recorder):
    """Sets `said` when the step logs."""

    def __init__(self) -> None:
        super().__init__()
        self.said = asyncio.Event()

    def log(self, frame: Any) -> None:
        super().log(frame)
        self.said.set()


async def test_calls_in_flight_keep_to_themselves(caller: Caller) -> None:
    async def one(number: int) -> tuple[Recorder, Outcome]:
        recorder = Recorder()
        do = [
            ["set", "g", "k", number],
            ["print", f"p{number}"],
            ["emit", "t", number],
            ["get", "g", "k"],
        ]
        return recorder, await caller.call(*do, asks=recorder)

    pairs = await asyncio.gather(*(one(number) for number in range(200)))

    for number, (recorder, outcome) in enumerate(pairs):
        assert results(outcome) == [number]
        assert recorder.emits == [("t", number)]
        own = [("info", f"p{number}", {}, "stdout")]
        knows = LANGUAGES[caller.subject.language].knows_who_prints
        assert recorder.lines == own or (recorder.lines == [] and not knows)


async def test_cancelled_step_stops_at_its_deadline_and_its_host_lives_on(caller: Caller) -> None:
    before = results(await caller.call(["pid"]))

    outcome = await caller.call(["wait_for_cancel", 30], ["emit", "t", 1], deadline_s=0.05)

    assert outcome == TimedOut(0.05)
    assert results(await caller.call(["pid"])) == before


async def test_overdue_step_is_charged_since_its_host_answers_the_cancel(caller: Caller) -> None:
    signals = Signals()
    neighbour = asyncio.create_task(
        caller.call(["log", "info", "in", None], ["sleep", 0.5], asks=signals)
    )
    await asyncio.wait_for(signals.said.wait(), 20)

    outcome = await caller.call(["wait_for_cancel", 30], deadline_s=0.05)

    assert outcome == TimedOut(0.05)
    assert results(await neighbour) == []


async def test_host_whose_step_does_not_stop_is_retired(caller: Caller) -> None:
    before = results(await caller.call(["pid"]))
    recorder = Recorder()

    outcome = await caller.call(["block", 60], ["emit", "t", 1], asks=recorder, deadline_s=0.05)

    assert outcome == TimedOut(0.05)
    assert recorder.emits == []
    assert results(await caller.call(["pid"])) != before


async def test_step_is_cancelled_when_nobody_waits_for_it(caller: Caller) -> None:
    signals = Signals()
    await caller.call(["pid"])
    before = {host for host in caller.pool.hosts if not host.is_retired}
    task = asyncio.create_task(caller.call(["wait_for_cancel", 30], ["emit", "t", 1], asks=signals))
    await asyncio.wait_for(signals.said.wait(), 20)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await caller.call(
        ["sleep", 1.3]
    )  # longer than the grace: a step that ran on would have its host retired
    assert before <= set(caller.pool.hosts)
    assert signals.emits == []


async def test_process_that_ends_itself_loses_the_call_with_its_exit(caller: Caller) -> None:
    recorder = Recorder()

    outcome = await caller.call(["print", "last words"], ["end_process", 7], asks=recorder)

    assert isinstance(outcome, HostLost)
    assert (outcome.alone, outcome.exit) == (True, "exit 7")
    assert recorder.lines == [("info", "last words", {}, "stdout")]


async def test_crash_loses_the_call_and_says_where(caller: Caller) -> None:
    outcome = await caller.call(["crash"])

    assert isinstance(outcome, HostLost)
    assert outcome.alone
    assert (
        outcome.exit
        == {"python": "signal 11", "node": "signal 6", "go": "exit 2"}[caller.subject.language]
    )
    if caller.subject.language != "node":
        assert caller.subject.acts in outcome.stderr


async def test_crash_takes_its_neighbours_uncharged(caller: Caller) -> None:
    signals = Signals()
    neighbour = asyncio.create_task(caller.call(["wait_for_cancel", 30], asks=signals))
    await asyncio.wait_for(signals.said.wait(), 20)

    outcomes = await asyncio.gather(neighbour, caller.call(["end_process", 9]))

    for outcome in outcomes:
        assert isinstance(outcome, HostLost)
        assert (outcome.alone, outcome.exit) == (False, "exit 9")


async def test_flood_of_lines_is_counted_not_kept(caller: Caller) -> None:
    recorder = Recorder()
    caller.lines.clear()

    outcome = await caller.call(["flood", 50_000], asks=recorder)

    assert results(outcome) == []
    assert recorder.lines[0] == ("info", "line 0", {}, "stdout")
    if len(recorder.lines) < 50_000:
        dropped = await caller.line_with(lambda line: "dropped" in line.message)
        assert dropped.level == "warn"
        assert len(recorder.lines) + dropped.fields["dropped"] <= 50_000
    await caller.call(["sleep", 1.1])  # the next test's lines are not to be of this second


async def lines_of(caller: Caller, *do: Any, message: str) -> tuple[Outcome, list[str]]:
    """What the call, or nobody, said until a line holds the message."""
    recorder = Recorder()
    caller.lines.clear()
    outcome = await caller.call(*do, asks=recorder)
    if not any(message in line[1] for line in recorder.lines):
        await caller.line_with(lambda line: message in line.message)
    return outcome, [line[1] for line in recorder.lines] + [line.message for line in caller.lines]


async def test_printed_bytes_that_are_no_text_are_a_line_all_the_same(caller: Caller) -> None:
    outcome, lines = await lines_of(caller, ["write_bytes"], message="bytes")

    assert results(outcome) == []
    assert lines == ["\ufffd\ufffd bytes"]


async def test_child_of_a_step_prints_lines_and_has_no_way_to_the_engine(caller: Caller) -> None:
    script = "{ echo lie >&3; } 2>/dev/null || echo closed"

    outcome, lines = await lines_of(caller, ["child", script], message="closed")

    assert results(outcome) == []
    assert lines == ["closed"]


async def test_step_that_cannot_be_loaded_fails_at_its_own_line(caller: Caller) -> None:
    if "broken" not in caller.subject.others:
        pytest.skip("its steps are loaded together, and described that way")
    outcome = await caller.call(step="broken")

    assert isinstance(outcome, Threw)
    assert "nothing_of_that_name" in outcome.failed.message
    assert place_of_throw(caller.subject.others["broken"], caller.subject) in outcome.failed.stack


@pytest.mark.parametrize(
    ("step", "says"), [("without", "handler"), ("absent", "absent.step"), ("unknown", "unknown")]
)
async def test_step_without_code_fails_clearly(step: str, says: str, caller: Caller) -> None:
    if step not in caller.subject.others and step != "unknown":
        pytest.skip("its compiler refuses that")
    outcome = await caller.call(step=step)

    assert isinstance(outcome, Threw)
    assert says in outcome.failed.message


async def test_cron_handler_is_given_the_context(caller: Caller) -> None:
    recorder = Recorder()

    outcome = await caller.call(step="tick", kind="cron", asks=recorder)

    assert outcome == Returned(None)
    assert recorder.lines == [("info", "tick", {"attempt": 2}, "logger")]


async def test_large_values_pass_both_ways(caller: Caller) -> None:
    recorder = Recorder()
    text = "ü" * 3_000_000

    outcome = await caller.call(["emit", "t", text], asks=recorder)

    assert results(outcome) == []
    assert recorder.emits == [("t", text)]


async def test_message_over_a_frame_is_refused_before_it_is_sent(caller: Caller) -> None:
    outcome = await caller.call(["emit", "t", "x" * 17_000_000])

    assert isinstance(outcome, Threw)
    assert (outcome.failed.type, outcome.failed.retry) == ("MessageTooLarge", "never")
