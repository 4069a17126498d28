"""A project that is connected to a repository on the double of GitHub, by an App that the double made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client

from hub.accounts.models import Organization, User
from hub.common.tenancy import tenant
from hub.deployments.models import Version
from hub.projects.actions import make_project
from hub.projects.models import Project
from hub.sources import app, checks, connecting, hooks, reading
from hub.sources.models import App, Hook, Report, Source
from tests.doubles.github import GitHub
from tests.doubles.github.client import Sent
from tests.factories.accounts import a_user, an_organization
from wistro.protocol.ids import show

NAMES = ("x-github-delivery", "x-github-event", "x-hub-signature-256")


@dataclass
class Connected:
    """What a test has: `push`, `post` a webhook, `work` it off, `read` the refs, and the versions so far."""

    github: GitHub
    organization: Organization
    owner: User
    project: Project
    repository: str
    repository_id: int
    installation: int
    app_id: int

    @property
    def path(self) -> str:
        return f"/api/v1/projects/{show('project', self.project.pk)}/source"

    @property
    def source(self) -> Source:
        with tenant(self.organization):
            return Source.objects.select_related("project", "installation").get(
                project=self.project
            )

    def push(self, text: str = "1", branch: str = "main", **more: Any) -> str:
        return self.github.push(self.repository, {"a": text}, f"Say {text}", branch, **more)

    def told(self, event: str = "push") -> list[Sent]:
        """The webhooks of our repository that the double holds."""
        mine = self.repository if event == "push" else str(self.installation)
        return [one for one in self.github.sent(event) if mine in one.body]

    def post(self, one: Sent, *, body: str | None = None, signature: str | None = None) -> Any:
        headers = {name: one.headers[name] for name in NAMES}
        if signature is not None:
            headers["x-hub-signature-256"] = signature
        content = one.body if body is None else body
        kind = one.headers["content-type"]
        return Client().post("/hooks/github", content, content_type=kind, headers=headers)

    def work(self) -> int:
        """Work off all webhooks that are due; how many."""
        with tenant(self.organization):
            due = list(Hook.objects.filter(due_at__isnull=False).order_by("pk"))
        return sum(hooks.work_off.work_off(self.organization.pk, one.pk) for one in due)

    def report(self) -> None:
        with tenant(self.organization):
            due = list(Report.objects.filter(due_at__isnull=False).order_by("pk"))
        for one in due:
            checks.tell.work_off(self.organization.pk, one.pk)

    def read(self) -> bool:
        with tenant(self.organization):
            reading.soon(self.source)
        return reading.read(self.organization.pk, self.source.pk)

    def versions(self) -> list[Version]:
        with tenant(self.organization):
            found = Version.objects.filter(project=self.project).select_related("to", "build")
            return list(found.order_by("number"))

    def shas(self) -> list[str]:
        return [one.sha for one in self.versions()]


def asked(ask: Any, *arguments: Any) -> Any:
    """One request whose refusal is rolled back by itself: a view that opens its own transactions runs in the test's."""
    with transaction.atomic():
        return ask(*arguments)


def a_manifest(**more: Any) -> dict[str, Any]:
    return app.manifest() | more


@pytest.fixture(autouse=True)
def held(request: pytest.FixtureRequest) -> Iterator[None]:
    """The double keeps its webhooks; a test posts those that it wants to arrive."""
    if "github" not in request.fixturenames:
        yield
        return
    github: GitHub = request.getfixturevalue("github")
    github.hold()
    yield
    github.hold(False)


def an_organization_with_project() -> tuple[Organization, User, Project]:
    owner = a_user()
    organization = an_organization(owner=owner)
    with tenant(organization):
        project = make_project("Shop", slug=None, by=owner)
        project.refresh_from_db()
    return organization, owner, project


_MADE: dict[str, Any] = {}


def the_app(github: GitHub) -> int:
    """This session's App, made by the double once; its row is there in this test. Its id on GitHub."""
    if not _MADE:
        made = github.make_app(a_manifest())
        app.make(made["code"], by=a_user())
        _MADE.update(App.objects.values().get() | {"made_by_id": None})
    App.objects.get_or_create(host=_MADE["host"], defaults=_MADE)
    return _MADE["app_id"]


def connected_to(github: GitHub, *, with_commit: bool = False) -> Connected:
    organization, owner, project = an_organization_with_project()
    app_id = the_app(github)
    account = f"acme-{uuid4().hex[:8]}"
    name = f"{account}/shop"
    id = github.repository(name)
    installation = github.install(app_id, account, [name])
    github.user("octo", [account])
    world = Connected(github, organization, owner, project, name, id, installation, app_id)
    if with_commit:
        world.push("first")
    state = a_state(world)
    code = github.user_code(app_id, "octo")
    connecting.installed(state, installation=str(installation), code=code)
    connecting.choose(project.pk, name, by=owner, organization_id=organization.pk)
    reading.read(organization.pk, world.source.pk)
    return world


def a_state(world: Connected, *, session: str = "a session") -> Any:
    with tenant(world.organization):
        text = connecting.new_state(world.project, world.owner, session, purpose="install")
    return connecting.check_state(text, world.owner, session, purpose="install", use=True)


@pytest.fixture
def world(github: GitHub, db: None) -> Connected:
    """Connected to an empty repository, read once."""
    return connected_to(github)
