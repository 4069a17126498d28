"""From a push or an upload to a version that is ready: what builders say, and what becomes of it."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.db.models.functions import Now

from hub.common.tenancy import tenant
from hub.deployments import fetching, tasks, versions
from hub.deployments.models import Blob, Build, BuildLine, Deployment, Version
from tests.factories.accounts import a_token, owner_of, unique
from tests.factories.deployments import a_blob, a_bundle, a_lock, a_version
from tests.factories.projects import a_project, an_environment
from wistro.errors import UserError
from wistro.lock.model import ApiTrigger
from wistro.protocol.bundle import Bundle, BundledFile, Layer
from wistro.protocol.ids import show
from wistro.protocol.machine import BuildOrder, GitSource, Problem

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where git is fetched from is hub/sources's to say."""
    monkeypatch.setattr(fetching, "_GIT", [lambda version: GitSource("https://git.test/a", version.sha)])  # fmt: skip


def now(version: Version) -> Version:
    with tenant(version.organization_id):
        return Version.objects.select_related("build").get(pk=version.pk)


def deployments(version: Version) -> list[Deployment]:
    with tenant(version.organization_id):
        return list(Deployment.objects.filter(version=version))


def lose_lease(version: Version) -> None:
    with tenant(version.organization_id):
        past = Now() - timedelta(seconds=1)
        Build.objects.filter(version=version).update(leased_until=past)


def test_a_push_is_built_and_deployed(builder):
    environment = an_environment(name="prod")
    version = a_version(environment.project, to=environment)
    one = builder()

    order = one.claim()
    assert order is not None
    for state in ("fetching", "installing", "compiling", "uploading"):
        assert one.progress(order, state, f"{state}…").json() == {"cancelled": False}
        assert now(version).state == state
    assert one.finish(order).status_code == 204

    assert order.git == GitSource("https://git.test/a", version.sha)
    assert (order.version_id, order.attempt, order.lease_s) == (str(version.pk), 1, 30)
    ready = now(version)
    assert (ready.state, ready.build.state) == ("ready", "ready")
    assert ready.lock_digest.startswith("sha256:")
    assert [one["path"] for one in ready.endpoints] == ["/orders"]
    (made,) = deployments(version)
    assert (made.environment_id, made.promotes, made.state) == (environment.pk, True, "starting")


def test_there_is_nothing_to_claim_twice(builder):
    a_version()

    assert builder().claim() is not None
    assert builder().claim() is None


def test_a_build_whose_builder_went_silent_is_given_to_another(builder):
    version = a_version()
    lost, other = builder(), builder()
    first = lost.claim()
    lost.progress(first, "compiling", "half")

    lose_lease(version)
    second = other.claim()

    assert (second.build_id, second.attempt) == (first.build_id, 2)
    assert lost.progress(first, "compiling", "more").status_code == 404
    assert lost.finish(first).status_code == 404
    assert now(version).state == "fetching"
    assert other.finish(second).status_code == 204
    assert now(version).state == "ready"


def test_a_builder_that_gets_its_own_build_again_hears_its_old_attempt_no_more(builder):
    version = a_version()
    one = builder()
    first = one.claim()
    lose_lease(version)
    second = one.claim()

    assert one.progress(first, "uploading").json() == {"cancelled": True}
    assert one.finish(first, "failed").status_code == 204
    assert now(version).state == "fetching"
    assert second.attempt == 2


def test_a_late_builder_that_nobody_replaced_goes_on(builder):
    version = a_version()
    one = builder()
    order = one.claim()
    lose_lease(version)
    tasks.expire_builds()
    assert now(version).state == "queued"

    assert one.progress(order, "compiling").json() == {"cancelled": False}

    assert now(version).state == "compiling"
    assert builder().claim() is None


def test_a_build_that_loses_its_builder_three_times_fails_though_nobody_claims_it(builder):
    version = a_version()
    for _ in range(3):
        builder().claim()
        lose_lease(version)

    tasks.expire_builds()

    ended = now(version)
    assert ended.state == "failed"
    assert ended.build.problems[0]["code"] == "build.lost"


def test_a_last_word_said_twice_changes_nothing(builder):
    environment = an_environment()
    version = a_version(environment.project, to=environment)
    one = builder()
    order = one.claim()

    assert one.finish(order).status_code == 204
    ended_at = now(version).build.ended_at
    assert one.finish(order).status_code == 204
    assert one.finish(order, "failed").status_code == 204

    assert (now(version).state, now(version).build.ended_at) == ("ready", ended_at)
    assert len(deployments(version)) == 1


def test_lines_are_kept_once_however_often_they_come(builder, api):
    version = a_version()
    one = builder()
    order = one.claim()

    one.progress(order, "installing", "pip says: ünï\0code", "done")
    one.progress(order, "installing", "pip says: ünï\0code", "done")
    one.finish(order, "failed", problems=[Problem("lock.auth", "no\0 auth", "Say it.", "src/a.py:3")])  # fmt: skip

    with tenant(version.organization_id):
        texts = list(BuildLine.objects.order_by("seq").values_list("text", flat=True))
    assert texts == ["pip says: ünï\ufffdcode", "done"]
    problem = {"code": "lock.auth", "message": "no\ufffd auth", "hint": "Say it.", "where": "src/a.py:3"}  # fmt: skip
    assert now(version).build.problems == [problem]


def test_a_lock_that_cannot_be_read_fails_the_build(builder):
    version = a_version()
    one = builder()

    one.finish(one.claim(), lock="nonsense")

    assert now(version).state == "failed"
    assert now(version).build.problems[0]["code"].startswith("lock.")


def test_a_bundle_with_a_blob_that_never_came_fails_the_build(builder):
    version = a_version()
    one = builder()
    order = one.claim()
    bundle = one.put(msgspec.json.encode(Bundle([BundledFile("a.py", "644", "0" * 64, 1)])))

    one.finish(order, bundle=bundle)

    assert now(version).state == "failed"
    assert now(version).build.problems[0]["code"] == "deploy.bundle"


def test_a_finished_build_lets_its_project_read_its_blobs_layers_too(builder):
    version, other = a_version(), a_project()
    one = builder()
    order = one.claim()
    package = one.put(b"a package")
    layer = one.put(msgspec.json.encode(Bundle([BundledFile("p.py", "644", package, 9)])))
    file = one.put(b"a file")
    listed = Bundle([BundledFile("a.py", "644", file, 6)], [Layer("k", "python", "p", layer)])
    bundle = one.put(msgspec.json.encode(listed))

    one.finish(order, bundle=bundle)

    with tenant(version.organization_id):
        had = set(Blob.objects.filter(project=version.project_id).values_list("sha256", flat=True))
    assert had == {package, layer, file, bundle}
    with tenant(other.organization_id):
        assert not Blob.objects.exists()


def test_cancelling_ends_a_queued_build_and_stops_a_running_one(builder, api):
    queued, running = a_version(), a_version()
    with tenant(queued.organization_id):
        versions.cancel(queued)
    one = builder()
    order = one.claim()

    with tenant(running.organization_id):
        versions.cancel(running)
    told = one.progress(order, "compiling").json()
    one.finish(order, "cancelled")

    assert (now(queued).state, told, now(running).state) == (
        "cancelled",
        {"cancelled": True},
        "cancelled",
    )


def test_a_ready_build_that_was_cancelled_meanwhile_is_not_deployed(builder):
    environment = an_environment()
    version = a_version(environment.project, to=environment)
    one = builder()
    order = one.claim()
    with tenant(version.organization_id):
        versions.cancel(version)

    one.finish(order)

    assert now(version).state == "cancelled"
    assert deployments(version) == []


def test_a_git_host_that_refuses_fails_the_build_with_its_own_words(builder, monkeypatch):
    class Revoked(UserError):
        code = "sources.revoked"

    def refuse(version: Version) -> GitSource:
        raise Revoked("The installation was removed")

    monkeypatch.setattr(fetching, "_GIT", [refuse])
    version = a_version()

    assert builder().claim() is None

    assert now(version).build.problems[0]["code"] == "sources.revoked"
    assert now(version).state == "failed"


class TestHeads:
    """A version promotes only if its commit is its branch's head when it gets ready."""

    def test_of_two_pushes_the_earlier_does_not_promote_when_it_is_ready_last(self, builder):
        environment = an_environment(name="prod")
        earlier = a_version(environment.project, to=environment)
        later = a_version(environment.project, to=environment)
        one = builder()
        first, second = one.claim(), one.claim()

        one.finish(second)
        one.finish(first)

        assert [made.promotes for made in deployments(later)] == [True]
        assert [made.promotes for made in deployments(earlier)] == [False]

    def test_nor_when_the_later_one_is_not_built_yet(self, builder):
        environment = an_environment(name="prod")
        earlier = a_version(environment.project, to=environment)
        a_version(environment.project, to=environment)
        one = builder()

        one.finish(one.claim())

        assert [made.promotes for made in deployments(earlier)] == [False]

    def test_a_push_to_another_branch_is_no_head_of_this_one(self, builder):
        environment = an_environment(name="prod")
        version = a_version(environment.project, to=environment)
        a_version(environment.project, branch="feature")
        one = builder()

        one.finish(one.claim())

        assert [made.promotes for made in deployments(version)] == [True]

    def test_a_force_push_back_promotes_the_newest_version_of_that_commit(self, builder):
        environment = an_environment(name="prod")
        of_a = a_version(environment.project, to=environment, sha="a" * 40)
        a_version(environment.project, to=environment, sha="b" * 40)
        with tenant(environment.organization_id):
            told = {"branch": "main", "sha": "a" * 40, "to": environment}
            again = versions.push(environment.project, telling="2", **told)
            assert versions.push(environment.project, telling="2", **told) == again
            assert versions.is_head(again) and not versions.is_head(of_a)


def an_upload(api: Any, project: Any) -> tuple[Any, str]:
    """A client that sent a bundle of one file, and the bundle's address."""
    client = api(token=a_token(owner_of(project.organization_id)))
    path = f"/api/v1/projects/{show('project', project.pk)}"
    file = f"print() # {unique()}".encode()
    listed = Bundle([BundledFile("a.py", "644", hashlib.sha256(file).hexdigest(), len(file))])
    for content in (file, msgspec.json.encode(listed)):
        sha256 = hashlib.sha256(content).hexdigest()
        put = client.generic(
            "PUT", f"{path}/blobs/{sha256}", content, content_type="application/octet-stream"
        )
        assert put.status_code == 204
    return client, sha256


def test_a_folder_is_uploaded_built_and_deployed_to_dev(api, builder, settings):
    environment = an_environment(name="dev")
    project = environment.project
    one = builder()
    settings.ROOT_URLCONF = "hub.urls"
    client, bundle = an_upload(api, project)
    path = f"/api/v1/projects/{show('project', project.pk)}"
    asked = client.post(f"{path}/blobs/missing", {"sha256": [bundle, "0" * 64, bundle]}).json()
    made = client.post(f"{path}/versions", {"bundle": bundle})
    settings.ROOT_URLCONF = "hub.machine_urls"

    order: BuildOrder | None = one.claim()
    assert order is not None and order.upload is not None
    listed = msgspec.json.decode(one.blob(order.upload.bundle), type=Bundle)
    one.finish(order)

    assert asked == {"missing": ["0" * 64]}
    assert (made.status_code, made.json()["state"], made.json()["source"]) == (201, "queued", "upload")  # fmt: skip
    assert (order.git, order.upload.bundle) == (None, bundle)
    assert [file.path for file in listed.files] == ["a.py"]
    with tenant(project.organization_id):
        (deployment,) = Deployment.objects.all()
        assert (deployment.environment_id, deployment.promotes) == (environment.pk, True)


def test_a_bundle_of_another_project_or_with_files_not_sent_is_refused(api):
    environment = an_environment()
    theirs = a_bundle(project=a_project())
    client = api(owner_of(environment.organization_id))
    path = f"/api/v1/projects/{show('project', environment.project_id)}"

    foreign = client.post(f"{path}/versions", {"bundle": theirs})
    missing = client.post(f"{path}/blobs/missing", {"sha256": [theirs]}).json()
    half = a_bundle(a_blob(project=a_project()))
    content = msgspec.json.encode(Bundle([BundledFile("a.py", "644", a_blob(), 1)]))
    half = a_blob(content)
    client.generic("PUT", f"{path}/blobs/{half}", content, content_type="application/octet-stream")
    lacking = client.post(f"{path}/versions", {"bundle": half})

    assert (foreign.status_code, foreign.json()["error"]["code"]) == (422, "deploy.not-uploaded")
    assert missing == {"missing": [theirs]}
    assert lacking.json()["error"]["code"] == "deploy.not-uploaded"


def test_a_blob_that_is_not_what_its_address_says_is_refused(api):
    project = a_project()
    client = api(owner_of(project.organization_id))
    path = f"/api/v1/projects/{show('project', project.pk)}/blobs/{'1' * 64}"

    answer = client.generic("PUT", path, b"other bytes", content_type="application/octet-stream")

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "blob.differs")


@pytest.mark.django_db(transaction=True)  # blobs go outside a request's transaction
def test_a_machine_reads_only_blobs_of_its_own_tenants_work(builder):
    project = a_project()
    a_version(project)
    one, idle = builder(), builder()
    one.claim()
    theirs, mine = a_bundle(project=a_project()), a_bundle(project=project)

    assert hashlib.sha256(one.blob(mine)).hexdigest() == mine
    assert (one.blob(theirs), idle.blob(mine)) == (None, None)


def test_endpoints_keep_the_names_of_what_protects_them(builder):
    version = a_version()
    policy = {"type": "api_key", "keys": ["$KEY"], "header": "x-api-key"}
    one = builder()

    one.finish(one.claim(), lock=a_lock(ApiTrigger("GET", "/a", "src/a", [policy])))

    (endpoint,) = now(version).endpoints
    assert endpoint["auth"] == [policy]
