"""Where webhooks come in: what is refused, what is written down before it is answered, and any git host's."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from hub.common.api.limits import WEBHOOK
from hub.common.tenancy import tenant
from hub.deployments.models import Version
from hub.sources import app, connecting, hooks, queries, reading
from hub.sources.models import Hook, Source
from tests.doubles.github import GitHub
from tests.factories.sources import SECRET, a_git_source, an_app
from tests.integration.hub.sources.conftest import (
    Connected,
    an_organization_with_project,
    asked,
    connected_to,
)
from wistro.protocol.ids import show

pytestmark = pytest.mark.django_db


def hook_rows(world: Connected) -> int:
    with tenant(world.organization):
        return Hook.objects.count()


@pytest.mark.parametrize(
    "changed",
    [
        {"signature": "sha256=" + "0" * 64},
        {"signature": ""},
        {"signature": "sha1=0"},
        {"signature": "é"},
        {"body": "{}"},
    ],
)
def test_a_forged_webhook_is_refused_and_not_kept(
    world: Connected, changed: dict[str, str]
) -> None:
    world.push()

    answer = world.post(world.told()[0], **changed)

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "hook.signature")
    assert hook_rows(world) == 0


def test_a_body_that_is_too_large_is_refused_unread(world: Connected) -> None:
    world.push()

    answer = world.post(world.told()[0], body=" " * (WEBHOOK + 1))

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request.too-large")


def signed(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.digest(secret.encode(), body, hashlib.sha256).hex()


def send(path: str, body: bytes, *, id: str | None = None, signature: str = "") -> Any:
    headers = {"x-hub-signature-256": signature or signed(body), "x-github-event": "push"}
    if id is not None:
        headers["x-github-delivery"] = id
    return Client().post(path, body, content_type="application/json", headers=headers)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"zen": "a ping"}', 202),
        (b'{"installation": {"id": 77}}', 202),
        (b"[]", 400),
        (b"no json", 400),
        (b'{"installation": {"id": "1"}}', 400),
        (b'{"installation": null}', 400),
    ],
)
def test_what_nobody_connected_is_answered_and_what_is_unreadable_refused(
    body: bytes, status: int
) -> None:
    an_app()

    assert send("/hooks/github", body, id="1").status_code == status


def test_a_webhook_without_an_id_or_without_an_app_is_refused() -> None:
    assert send("/hooks/github", b"{}", id="1").status_code == 401
    an_app()

    assert send("/hooks/github", b"{}").status_code == 400
    assert send("/hooks/github", b"{}", id="a b").status_code == 400


def test_each_organization_of_an_installation_gets_its_own_row(github: GitHub) -> None:
    """Two organizations that connected one repository each build its push; one's rows are not the other's."""
    mine = connected_to(github)
    organization, owner, project = an_organization_with_project()
    theirs = Connected(
        github, organization, owner, project, mine.repository, mine.repository_id,
        mine.installation, mine.app_id,
    )  # fmt: skip
    with tenant(organization):
        text = connecting.new_state(project, owner, "s", purpose="install")
    state = connecting.check_state(text, owner, "s", purpose="install", use=True)
    code = github.user_code(mine.app_id, "octo")
    connecting.installed(state, installation=str(mine.installation), code=code)
    connecting.choose(project.pk, mine.repository, by=owner, organization_id=organization.pk)
    sha = mine.push()

    mine.post(mine.told()[0])

    assert (mine.work(), theirs.work()) == (1, 1)
    assert mine.shas() == theirs.shas() == [sha]


def test_a_webhook_that_cannot_be_worked_off_stays_with_its_error(world: Connected) -> None:
    world.push()
    told = world.told()[0]
    broken = json.loads(told.body)
    del broken["after"]
    body = json.dumps(broken).encode()
    credentials = app.current()
    assert credentials is not None
    signature = signed(body, credentials.webhook_secret)
    world.post(told, body=body.decode(), signature=signature)

    world.work()

    with tenant(world.organization):
        row = Hook.objects.get()
        assert row.done_at is None and "KeyError" in row.last_error


# Any git host


@pytest.fixture
def public(github: GitHub) -> Iterator[str]:
    """A repository that anyone may read, on a host of which we know nothing but its URL."""
    name = f"open/shop-{id(object())}"
    github.repository(name, private=False)
    yield name


def test_any_git_url_is_connected_read_and_hooked(github: GitHub, public: str, api: Any) -> None:
    organization, owner, project = an_organization_with_project()
    path = f"/api/v1/projects/{show('project', project.pk)}/source"
    first = github.push(public, {"a": "1"})
    url = f"{github.url}/{public}.git"

    made = api(owner).put(f"{path}/git", {"url": url})

    assert made.status_code == 200, made.content
    shown = made.json()
    assert (shown["kind"], shown["repository"], shown["default_branch"]) == ("git", url, "main")
    with tenant(organization):
        source = Source.objects.get()
    reading.read(organization.pk, source.pk)
    second = github.push(public, {"a": "2"})
    hook = "/hooks/git/" + show("source", source.pk)
    assert shown["webhook_url"].endswith(hook)
    lie = json.dumps({"after": "f" * 40, "ref": "refs/heads/main"}).encode()
    signature = signed(lie, shown["webhook_secret"])
    answers = [send(hook, lie, signature=signature, id="d1") for _ in range(2)]
    assert [one.status_code for one in answers] == [202, 202]
    with tenant(organization):
        (row,) = Hook.objects.all()
    assert hooks.work_off.work_off(organization.pk, row.pk)
    assert reading.read(organization.pk, source.pk)

    with tenant(organization):
        assert [one.sha for one in Version.objects.order_by("number")] == [first, second]
        assert queries.state_of(Source.objects.get())[0] == "connected"


def test_a_git_hook_with_another_secret_or_of_no_source_is_refused() -> None:
    source = a_git_source()
    hook = "/hooks/git/" + show("source", source.pk)

    forged = send(hook, b"{}", signature=signed(b"{}", "guess"))

    assert (forged.status_code, forged.json()["error"]["code"]) == (401, "hook.signature")
    assert send("/hooks/git/" + show("source", source.project_id), b"{}").status_code == 404


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://example.com/a.git", "url.invalid"),
        ("git@example.com:a/b.git", "url.invalid"),
        ("https://user:secret@example.com/a.git", "url.invalid"),
        ("https://10.0.0.1/a.git", "url.closed"),
        ("https://169.254.169.254/latest/meta-data", "url.closed"),
        ("https://nowhere.invalid/a.git", "source.host-away"),
    ],
)
def test_a_url_that_may_not_or_cannot_be_read_is_refused(api: Any, url: str, code: str) -> None:
    _, owner, project = an_organization_with_project()

    answer = api(owner).put(
        f"/api/v1/projects/{show('project', project.pk)}/source/git", {"url": url}
    )

    assert answer.status_code in (422, 503)
    assert answer.json()["error"]["code"] == code
    assert "secret" not in answer.content.decode()


def test_a_private_repository_or_an_unknown_branch_is_said(
    github: GitHub, public: str, api: Any
) -> None:
    _, owner, project = an_organization_with_project()
    path = f"/api/v1/projects/{show('project', project.pk)}/source/git"
    github.repository(f"{public}-private")
    github.push(public, {"a": "1"})

    browser, url = api(owner), f"{github.url}/{public}"
    private = asked(browser.put, path, {"url": f"{url}-private.git"}).json()
    branch = asked(browser.put, path, {"url": f"{url}.git", "branch": "gone"}).json()

    assert private["error"]["code"] == "source.no-access"
    assert branch["error"]["fields"] == {"branch": "There is no such branch"}


def test_connecting_the_same_url_again_gives_a_new_secret_for_the_same_hook(
    github: GitHub, public: str, api: Any
) -> None:
    _, owner, project = an_organization_with_project()
    path = f"/api/v1/projects/{show('project', project.pk)}/source/git"

    first, second = (
        api(owner).put(path, {"url": f"{github.url}/{public}.git"}).json() for _ in range(2)
    )

    assert first["webhook_url"] == second["webhook_url"]
    assert first["webhook_secret"] != second["webhook_secret"]
