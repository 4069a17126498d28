from __future__ import annotations

from typing import Any

import pytest

from runner.builder.log import BuildLog, Cancelled, LeaseLost
from runner.hub import HubGone, HubRefused
from wistro.protocol.machine import BuildControl, BuildOrder, BuildProgress


class Listening:
    """A Hub that keeps what it is told and answers from a list: an answer, or what to raise."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.heard: list[BuildProgress] = []

    async def send(self, path: str, message: BuildProgress, *, answer: object) -> BuildControl:
        self.heard.append(message)
        given = self.answers.pop(0)
        if isinstance(given, Exception):
            raise given
        return given


def a_log(hub: Listening, *, secrets: list[str] | None = None) -> BuildLog:
    order = BuildOrder("b", "v", "o", attempt=3, lease_s=0.4)
    return BuildLog(order, hub, now_us=lambda: 7, secrets=secrets or [])  # pyright: ignore[reportArgumentType]


GO_ON, STOP = BuildControl(False), BuildControl(True)


async def test_lines_are_sent_once_each_in_order() -> None:
    hub = Listening(GO_ON, STOP)
    log = a_log(hub)
    log.say("one")
    log.say("two")

    with pytest.raises(Cancelled):
        await log.send_for_ever()

    assert [[line.text for line in each.lines] for each in hub.heard] == [["one", "two"], []]
    assert [line.seq for line in hub.heard[0].lines] == [1, 2]
    assert {each.attempt for each in hub.heard} == {3}


async def test_a_hub_that_is_away_gets_the_lines_later() -> None:
    hub = Listening(HubGone("503"), STOP)
    log = a_log(hub)
    log.say("one")

    with pytest.raises(Cancelled):
        await log.send_for_ever()

    assert [line.text for line in hub.heard[1].lines] == ["one"]


async def test_a_lost_lease_ends_it() -> None:
    with pytest.raises(LeaseLost):
        await a_log(Listening(HubRefused(409, "build.lease", "another has it"))).send_for_ever()


async def test_a_secret_is_in_no_line() -> None:
    log = a_log(Listening(), secrets=["hunter2"])

    log.say("cloning https://x:hunter2@example.com")

    assert [line.text for line in log.rest()] == ["cloning https://x:[secret]@example.com"]


async def test_an_endless_log_is_cut_and_says_so() -> None:
    log = a_log(Listening())
    for number in range(30_000):
        log.say(str(number))

    rest = log.rest()

    assert len(rest) == 20_000
    assert "cut" in rest[-1].text
