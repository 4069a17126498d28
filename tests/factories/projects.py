"""Projects and environments."""

from __future__ import annotations

from hub.accounts.models import Organization
from hub.common.tenancy import tenant
from hub.projects.models import Environment, Project
from tests.factories.accounts import an_organization, unique


def a_project(organization: Organization | None = None, *, slug: str | None = None) -> Project:
    """Without environments."""
    organization = organization or an_organization()
    with tenant(organization):
        return Project.objects.create(slug=slug or f"p-{unique()}", name="A project")


def an_environment(project: Project | None = None, *, name: str = "dev") -> Environment:
    project = project or a_project()
    with tenant(project.organization_id):
        return Environment.objects.create(project=project, name=name)
