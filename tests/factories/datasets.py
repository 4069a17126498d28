"""Datasets with samples of finished runs."""

from __future__ import annotations

from uuid import UUID

from hub.accounts.models import User
from hub.common.tenancy import tenant
from hub.datasets import actions
from hub.datasets.models import Dataset, Sample
from hub.projects.models import Environment, Project
from tests.factories.accounts import owner_of, unique
from tests.factories.registry import World, makes
from tests.factories.runs import a_deployed_version, a_kept_run
from wistro.protocol.ids import show


def a_dataset(project: Project, *, name: str | None = None) -> Dataset:
    with tenant(project.organization_id):
        return Dataset.objects.create(project=project, name=name or f"d-{unique()}")


def a_sample(dataset: Dataset, environment: Environment, *, by: User | None = None) -> Sample:
    """Of a run that was finished in the environment."""
    with tenant(dataset.organization_id):
        run = a_kept_run(environment, a_deployed_version(environment))
        by = by or owner_of(dataset.organization_id)
        return actions.add(dataset, show("run", run.pk), name="A sample", tags=["happy"], by=by)


@makes("dataset")
def _dataset(world: World) -> UUID:
    return a_dataset(Project.objects.get(pk=world.get("project"))).pk


@makes("sample")
def _sample(world: World) -> UUID:
    dataset = Dataset.objects.get(pk=world.get("dataset"))
    environment = Environment.objects.get(pk=world.get("environment"))
    return a_sample(dataset, environment, by=world.owner).pk
