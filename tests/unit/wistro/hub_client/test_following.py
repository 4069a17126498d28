"""Following survives a Hub that restarts, and ends."""

from __future__ import annotations

import json

import pytest

from wistro.hub_client import following
from wistro.hub_client.errors import HubRefused, HubUnreachable
from wistro.hub_client.following import Patience, TookTooLong
from wistro.hub_client.shapes import Version

QUEUED = Version("ver_1", 27, "queued", "upload", "2026-11-22T10:00:00Z")


class Clock:
    """Time passes by sleeping."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        return self.at

    def sleep(self, length_s: float) -> None:
        self.at += length_s


@pytest.fixture
def patience():
    clock = Clock()
    return Patience(clock.now, clock.sleep)


@pytest.fixture
def hub(double):
    made = double.hub
    yield made
    made.close()


def answer(value):
    return 200, {}, json.dumps(value).encode()


def lines(*texts, cursor="", done=False):
    shown = [
        {"seq": n, "at": "", "stage": "compiling", "text": text} for n, text in enumerate(texts)
    ]
    return answer({"lines": shown, "cursor": cursor, "done": done})


def version(state, *deployments):
    shown = [{"id": id, "environment": "dev", "state": state} for id, state in deployments]
    return answer(
        {
            "id": "ver_1",
            "number": 27,
            "state": state,
            "source": "upload",
            "created_at": "",
            "deployments": shown,
        }
    )


def follow(hub, patience, heard):
    return following.build(
        hub, QUEUED, patience, on_line=lambda line: heard.append(line.text), on_wait=lambda: None
    )


def test_lines_are_read_on_from_the_cursor_to_the_end(double, hub, patience):
    double.answers = [
        lines(),
        lines("one", cursor="1.0"),
        lines("two", cursor="1.1", done=True),
        version("ready"),
    ]
    heard: list[str] = []

    assert follow(hub, patience, heard).state == "ready"

    assert heard == ["one", "two"]
    assert [one.path.partition("?")[2] for one in double.asked[:3]] == ["", "", "after=1.0"]


def test_a_hub_that_restarts_is_waited_for(double, hub, patience):
    double.answers = [
        *[(503, {}, b"")] * 6,
        lines("one", cursor="1.0", done=True),
        version("failed"),
    ]
    heard: list[str] = []

    assert follow(hub, patience, heard).state == "failed"
    assert heard == ["one"]


def refused(status, code):
    return (
        status,
        {},
        json.dumps({"error": {"code": code, "message": "no", "hint": None, "fields": {}}}).encode(),
    )


def test_a_hub_whose_database_restarts_is_waited_for(double, hub, patience):
    double.answers = [
        *[refused(500, "hub.failed")] * 6,
        lines("one", cursor="1.0", done=True),
        version("ready"),
    ]
    heard: list[str] = []

    assert follow(hub, patience, heard).state == "ready"
    assert heard == ["one"]


def test_a_hub_that_refuses_is_not_asked_again(double, hub, patience):
    double.answers = [refused(404, "not-found"), lines("one", cursor="1.0", done=True)]

    with pytest.raises(HubRefused):
        follow(hub, patience, [])


def test_a_hub_that_stays_away_is_told(double, hub, patience):
    double.answers = [(503, {}, b"")] * 1000

    with pytest.raises(HubUnreachable):
        follow(hub, patience, [])


def test_a_build_that_never_ends_is_left(double, hub, patience, monkeypatch):
    monkeypatch.setattr(following, "BUILD_S", 2.0)
    double.answers = [lines()] * 10

    with pytest.raises(TookTooLong, match="version 27"):
        follow(hub, patience, [])


def test_the_newest_deployment_is_followed(double, hub, patience):
    double.answers = [
        version("ready", ("dep_1", "failed"), ("dep_2", "starting")),
        version("ready", ("dep_1", "failed"), ("dep_2", "healthy")),
    ]

    found = following.deployment(hub, QUEUED, "dev", patience, on_wait=lambda: None)

    assert found is not None
    assert (found.id, found.state) == ("dep_2", "healthy")
