"""Projects and environments."""

from __future__ import annotations

from uuid import UUID

from hub.accounts.models import Organization
from hub.common.tenancy import tenant
from hub.projects.actions import set_variable
from hub.projects.models import Environment, Project
from tests.factories.accounts import an_organization, unique
from tests.factories.registry import World, makes


def a_project(organization: Organization | None = None, *, slug: str | None = None) -> Project:
    """Without environments."""
    organization = organization or an_organization()
    with tenant(organization):
        return Project.objects.create(slug=slug or f"p-{unique()}", name="A project")


def an_environment(project: Project | None = None, *, name: str = "dev") -> Environment:
    project = project or a_project()
    with tenant(project.organization_id):
        return Environment.objects.create(project=project, name=name)


@makes("project")
def _project(world: World) -> UUID:
    return a_project(world.organization).pk


@makes("slug")
def _slug(world: World) -> str:
    return Project.objects.get(pk=world.get("project")).slug


@makes("environment")
def _environment(world: World) -> UUID:
    return an_environment(Project.objects.get(pk=world.get("project"))).pk


@makes("variable")
def _variable(world: World) -> str:
    environment = Environment.objects.get(pk=world.get("environment"))
    name = f"V{unique().upper()}"
    set_variable(environment, name, "a value", secret=True, by=world.owner)
    return name
