"""Pushes: told by webhooks in any order, twice or not at all, and seen on the host, they end in the same versions."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models.functions import Now

from hub.common.tenancy import tenant
from hub.deployments import versions
from hub.deployments.models import Deployment, Version
from hub.sources import connecting, hooks, queries, reading
from hub.sources.hosts.port import Refs
from hub.sources.models import Hook, Source
from tests.doubles.github import GitHub
from tests.integration.hub.sources.conftest import Connected, connected_to

pytestmark = pytest.mark.django_db


def test_a_push_becomes_a_version_that_goes_to_prod(world: Connected) -> None:
    sha = world.push()

    answer = world.post(world.told()[0])

    assert (answer.status_code, world.work(), world.shas()) == (202, 1, [sha])
    (version,) = world.versions()
    assert version.to is not None
    assert (version.to.name, version.branch, version.message) == ("prod", "main", "Say 1")
    assert (version.author, version.build.state) == ("Ada Example", "queued")
    assert world.read()
    assert world.shas() == [sha]


@pytest.mark.parametrize(
    ("branch", "to"), [("main", "prod"), ("staging", "staging"), ("feature/é", None)]
)
def test_a_branch_leads_to_its_environment(world: Connected, branch: str, to: str | None) -> None:
    world.push("first")
    world.read()
    world.push(branch, branch, onto=world.shas()[0])

    world.read()

    version = world.versions()[-1]
    assert (version.branch, version.to and version.to.name) == (branch, to)


def test_a_webhook_is_taken_once_however_often_it_comes(world: Connected) -> None:
    sha = world.push()
    (told,) = world.told()

    assert [world.post(told).status_code for _ in range(3)] == [202] * 3
    assert world.work() == 1
    assert world.post(told).status_code == 202
    assert world.work() == 0
    assert world.shas() == [sha]


def test_a_worker_that_dies_after_counting_does_not_count_twice(world: Connected) -> None:
    sha = world.push()
    world.post(world.told()[0])
    with tenant(world.organization):
        hook = Hook.objects.get()

    hooks.work_off.do(hook)
    hooks.work_off.do(hook)

    assert world.shas() == [sha]


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 2, 0), (0, 2, 1)])
def test_webhooks_in_any_order_make_each_push_a_version_once(
    world: Connected, order: tuple[int, ...]
) -> None:
    pushed = [world.push(text) for text in "123"]
    told = world.told()

    for number in order:
        world.post(told[number])
        world.work()
        world.read()

    assert sorted(world.shas()) == sorted(pushed)
    with tenant(world.organization):
        heads = [one.sha for one in Version.objects.all() if versions.is_head(one)]
    assert heads == [pushed[-1]]


def test_lost_webhooks_are_made_good_by_reading(world: Connected) -> None:
    world.push("1")
    last = world.push("2")

    world.read()

    assert world.shas() == [last]
    assert world.versions()[0].message == "Say 2"


def test_a_pushed_head_that_the_branch_left_is_still_a_version(world: Connected) -> None:
    first, second = world.push("1"), world.push("2")
    world.read()

    world.post(world.told()[0])
    world.work()
    world.read()

    assert world.shas() == [second, first]
    with tenant(world.organization):
        assert [versions.is_head(one) for one in world.versions()] == [True, False]


@pytest.mark.parametrize(
    ("seen", "told_order"),
    [
        ((), (0, 1, 2)),
        ((), (2, 1, 0)),
        ((0,), (2, 1, 0)),
        ((1,), (1, 2, 0)),
        ((0, 1, 2), (2, 0, 1)),
        ((2,), (0, 1, 2)),
    ],
)
def test_a_branch_pushed_back_is_a_version_again(
    world: Connected, seen: tuple[int, ...], told_order: tuple[int, ...]
) -> None:
    """A, B, A again: three pushes are three versions, whichever of them were seen before their webhooks came."""
    one = world.push("1")
    if 0 in seen:
        world.read()
    two = world.push("2")
    if 1 in seen:
        world.read()
    world.github.move(world.repository, "main", one)
    if 2 in seen:
        world.read()
    told = world.told()

    for number in told_order:
        world.post(told[number])
        world.work()
    world.read()

    assert sorted(world.shas()) == sorted([one, two, one])
    with tenant(world.organization):
        heads = [each for each in world.versions() if versions.is_head(each)]
    assert [each.sha for each in heads] == [one]


def test_a_removed_branch_is_forgotten_and_makes_no_version(world: Connected) -> None:
    sha = world.push()
    world.push("2", "feature", onto=sha)
    world.read()
    world.github.move(world.repository, "feature", None)

    for one in world.told():
        world.post(one)
    world.work()
    world.read()

    assert len(world.shas()) == 2
    with tenant(world.organization):
        feature = world.versions()[1]
        assert not versions.is_head(feature)


def test_an_idle_branch_at_connecting_becomes_a_version_once_it_is_pushed(github: GitHub) -> None:
    world = connected_to(github, with_commit=True)
    (first,) = world.shas()
    with tenant(world.organization):
        Source.objects.all().delete()
    world.push("idle", "idle", onto=first)
    world.push("staged", "staging", onto=first)
    connecting.choose(
        world.project.pk, world.repository, by=world.owner, organization_id=world.organization.pk
    )
    reading.read(world.organization.pk, world.source.pk)
    assert [one.branch for one in world.versions()] == ["main", "main", "staging"]

    pushed = world.push("moved", "idle")
    world.read()

    assert (world.versions()[-1].branch, world.shas()[-1]) == ("idle", pushed)


def test_a_reading_that_was_overtaken_changes_nothing(world: Connected) -> None:
    old, new = world.push("1"), world.push("2")
    with tenant(world.organization):
        slow = world.source
        slow.reading = slow.read  # handed out before the one that was applied
        reading._apply(slow, Refs({"main": old}, "main", world.repository), {}, False)
    world.read()

    assert world.shas() == [new]


def test_a_source_is_read_once_when_it_is_due_and_not_before(world: Connected) -> None:
    source = world.source

    assert not reading.read(world.organization.pk, source.pk)
    with tenant(world.organization):
        reading.soon(source)
    assert reading.read(world.organization.pk, source.pk)
    assert not reading.read(world.organization.pk, source.pk)


def test_a_head_known_late_is_deployed_when_it_is_read(world: Connected) -> None:
    """Its version got ready while the host did not answer: the next reading promotes it."""
    world.push("1")
    world.read()
    sha = world.push("2")
    world.post(world.told()[-1])
    world.work()
    version = world.versions()[-1]
    with tenant(world.organization):
        assert not versions.is_head(version)
        make_ready(version)
        assert not Deployment.objects.exists()

    world.read()
    world.read()

    with tenant(world.organization):
        (deployed,) = Deployment.objects.select_related("environment")
    assert (deployed.version_id, deployed.environment.name, deployed.promotes) == (
        version.pk,
        "prod",
        True,
    )
    assert sha == version.sha


def make_ready(version: Version) -> None:
    Version.objects.filter(pk=version.pk).update(
        state="ready", bundle="0" * 64, lock="a lock", ready_at=Now()
    )


def test_a_host_that_is_away_is_said_and_healed(world: Connected) -> None:
    sha = world.push()
    world.github.fail_next(1)

    world.read()
    state, problem = queries.state_of(world.source)
    assert (state, world.shas()) == ("failing", [])
    assert problem is not None and "GitHub does not answer now: 502" in problem

    world.read()
    assert (queries.state_of(world.source), world.shas()) == (("connected", None), [sha])


@pytest.mark.parametrize("what", ["uninstall", "suspend", "take_out"])
def test_what_takes_the_repository_away_is_said(world: Connected, what: str, api: Any) -> None:
    world.push()
    if what == "take_out":
        world.github.take_out(world.installation, world.repository)
    else:
        getattr(world.github, what)(world.installation)
    event = "installation_repositories" if what == "take_out" else "installation"
    world.post(world.told(event)[-1])
    world.work()

    reading.read(world.organization.pk, world.source.pk)

    shown = api(world.owner).get(world.path).json()
    assert shown["state"] == "failing" and shown["problem"], shown
    if what == "suspend":
        world.github.suspend(world.installation, undo=True)
        world.post(world.told(event)[-1])
        world.work()
        reading.read(world.organization.pk, world.source.pk)
        assert api(world.owner).get(world.path).json()["state"] == "connected"


def test_a_renamed_repository_is_followed(world: Connected) -> None:
    world.push("1")
    world.read()
    world.github.rename(world.repository, "renamed")
    world.repository = world.repository.replace("shop", "renamed")
    sha = world.push("2")

    world.read()

    assert (world.source.repository, world.shas()[-1]) == (world.repository, sha)
