"""What a git host may say that cannot be kept as it is, and what is swept away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from hub.common.tenancy import tenant
from hub.sources import app, pushes, reading, tasks
from hub.sources.hosts import github as hosts_github
from hub.sources.hosts.port import MOST_BRANCHES, About, HostAway, Refs, TooManyBranches
from hub.sources.models import Ref, Report, Source
from tests.factories.sources import a_git_source
from tests.integration.hub.sources.conftest import Connected

pytestmark = pytest.mark.django_db
SHA = "a" * 40


def test_names_that_are_no_branch_are_left_out() -> None:
    bad = ["", "a b", "nul\0", "half \ud800", "half\ud800", "x" * 256, "up~1", "a:b", "line\n"]

    refs = Refs.read(dict.fromkeys([*bad, "main", "feature/ü"], SHA), "x" * 300)

    assert list(refs.heads) == ["main", "feature/ü"]
    assert refs.default_branch == ""


def test_more_branches_than_are_read_are_refused() -> None:
    names = [f"b{number}" for number in range(MOST_BRANCHES + 1)]

    Refs.read(dict.fromkeys(names[1:], SHA), "b1")
    with pytest.raises(TooManyBranches, match="5,000"):
        Refs.read(dict.fromkeys(names, SHA), "b1")


def test_a_commit_may_have_any_text_or_none() -> None:
    source = a_git_source()
    about = About.read("nul\0 half \ud800 " + "x" * 20_000, None, None)

    with tenant(source.organization_id):
        pushes.tell(source, "main", SHA, about)

    assert (about.message[:11], len(about.message) < 10_001) == ("nul half ? ", True)
    assert about.author == ""


def test_thousands_of_branches_take_as_many_statements_as_a_few(
    django_assert_max_num_queries: Any,
) -> None:
    source = a_git_source()
    refs = Refs.read({f"b{number:04}": SHA for number in range(MOST_BRANCHES)}, "main")

    with tenant(source.organization_id), django_assert_max_num_queries(20):
        pushes.see(source, refs, {})

    with tenant(source.organization_id):
        assert Ref.objects.count() == MOST_BRANCHES


def test_a_host_that_fails_for_long_is_asked_less_often_and_a_hint_is_heeded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(source: Source) -> Any:
        raise HostAway("it does not answer")

    monkeypatch.setattr(reading.choose, "of", away)
    source = a_git_source()
    organization = source.organization_id

    def failed_after(days: float) -> timedelta:
        with tenant(organization):
            then = Now() - timedelta(days=days)
            Source.objects.filter(pk=source.pk).update(read_at=then, read_due_at=Now())
        assert reading.read(organization, source.pk)
        with tenant(organization):
            row = Source.objects.annotate(now=Now()).get(pk=source.pk)
            return row.read_due_at - row.now

    assert failed_after(0) <= reading.EVERY
    assert timedelta(minutes=5) < failed_after(1 / 24) <= timedelta(minutes=7)
    assert reading.EVERY < failed_after(30) <= reading.LONGEST
    with tenant(organization):
        reading.soon(source)
    assert reading.read(organization, source.pk)


def test_one_reading_asks_for_one_token(world: Connected, monkeypatch: pytest.MonkeyPatch) -> None:
    for branch in ("one", "two", "three"):
        world.push(branch, branch=branch)
    tokens: list[int] = []
    ask = hosts_github.token_for
    monkeypatch.setattr(hosts_github, "token_for", lambda *all: tokens.append(1) or ask(*all))

    assert world.read()

    assert len(world.versions()) == 3
    assert tokens == [1]


def test_the_apps_secrets_are_in_no_text_of_it(world: Connected) -> None:
    kept = app.needed()

    text = repr(kept)

    assert not [one for one in (kept.pem, kept.client_secret, kept.webhook_secret) if one in text]


def test_a_report_that_was_given_up_is_swept_away(world: Connected) -> None:
    world.push("reported", branch="x")
    world.read()
    old = Now() - timedelta(days=8)
    with tenant(world.organization):
        assert Report.objects.exists()
        Report.objects.update(due_at=None, gave_up_at=old)

    tasks.sweep()

    with tenant(world.organization):
        assert not Report.objects.exists()
