"""Builders that say what none of ours would, or are overtaken while they ask."""

from __future__ import annotations

import pytest

from hub.common.tenancy import tenant
from hub.deployments import fetching, versions
from hub.deployments.models import BuildLine, Version
from tests.factories.deployments import a_version
from tests.integration.hub.deployments.test_builds import lose_lease, now
from wistro.errors import UserError
from wistro.protocol.machine import GitSource

pytestmark = pytest.mark.django_db


class NotFetched(UserError):
    """What hub/sources says of a host that does not answer."""

    code = "test.not-fetched"


@pytest.fixture(autouse=True)
def git(monkeypatch):
    monkeypatch.setattr(fetching, "_GIT", [lambda version: GitSource("https://git.test/a", version.sha)])  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        {"seq": -1, "at_us": 0, "stage": "fetching", "text": ""},
        {"seq": 2**31, "at_us": 0, "stage": "fetching", "text": ""},
        {"seq": 1, "at_us": 2**62, "stage": "fetching", "text": ""},
        {"seq": 1, "at_us": -1, "stage": "fetching", "text": ""},
    ],
)
def test_a_line_that_no_builder_writes_is_refused(builder, line):
    a_version()
    one = builder()
    order = one.claim()

    answer = one.post(f"/builds/{order.build_id}/progress", {"attempt": 1, "state": "fetching", "lines": [line]})  # fmt: skip

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "request.unreadable")


def test_a_git_host_that_answers_late_does_not_end_the_next_builders_attempt(builder, monkeypatch):
    version = a_version()

    def too_late(_: Version) -> GitSource:
        lose_lease(version)
        monkeypatch.setattr(fetching, "_GIT", [lambda one: GitSource("https://git.test/a", one.sha)])  # fmt: skip
        assert builder().claim() is not None
        raise NotFetched("The host is away")

    monkeypatch.setattr(fetching, "_GIT", [too_late])

    assert builder().claim() is None
    assert (now(version).state, now(version).build.attempt) == ("fetching", 2)


def test_a_log_without_an_end_is_cut_and_says_so(builder, monkeypatch):
    monkeypatch.setattr(versions, "LINES_MOST", 2)
    version = a_version()
    one = builder()

    one.progress(one.claim(), "fetching", "a", "b", "c", "d")

    with tenant(version.organization_id):
        texts = list(BuildLine.objects.order_by("seq").values_list("text", flat=True))
    assert texts == ["a", "b", versions.CUT]
