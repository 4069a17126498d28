"""Sources, the App and installations of it."""

from __future__ import annotations

import json
from functools import cache
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from hub.common.sealing import seal
from hub.common.settings import SETTINGS
from hub.common.tenancy import tenant
from hub.projects.models import Project
from hub.sources.models import App, Installation, Source
from tests.factories.projects import a_project
from tests.factories.registry import World, makes

SECRET = "a webhook's secret"


@cache
def a_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def an_app(*, webhook_secret: str = SECRET) -> App:
    """One that GitHub does not know."""
    app = App(host=SETTINGS.github_url, app_id=1, slug="wistro", client_id="Iv1.0")
    kept = {"client_secret": "0", "webhook_secret": webhook_secret, "pem": a_key()}
    app.sealed = seal(json.dumps(kept).encode(), bound_to=app.bound_to)
    app.save()
    return app


def an_installation(organization: object, *, installation_id: int = 1) -> Installation:
    with tenant(organization):  # type: ignore[arg-type]
        return Installation.objects.create(
            host=SETTINGS.github_url, installation_id=installation_id, account="acme"
        )


def a_git_source(
    project: Project | None = None, *, url: str = "https://127.0.0.1:1/shop.git"
) -> Source:
    project = project or a_project()
    with tenant(project.organization_id):
        source = Source(project=project, kind="git", url=url, default_branch="main")
        source.sealed = seal(SECRET.encode(), bound_to=source.bound_to)
        source.save()
        source.refresh_from_db()
        return source


def a_github_source(
    project: Project | None = None,
    *,
    installation: Installation | None = None,
    repository: str = "acme/shop",
    repository_id: int = 1,
) -> Source:
    project = project or a_project()
    installation = installation or an_installation(project.organization_id)
    with tenant(project.organization_id):
        source = Source.objects.create(
            project=project, kind="github", installation=installation, repository=repository,
            repository_id=repository_id, default_branch="main",
        )  # fmt: skip
        source.refresh_from_db()
        return source


@makes("source")
def _source(world: World) -> UUID:
    return a_git_source(Project.objects.get(pk=world.get("project"))).pk
