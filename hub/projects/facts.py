"""What the project page shows of apps above this one: they hand their part in, so that projects imports none.

    for_environments(serving_of)    # in AppConfig.ready; serving_of(environments) -> {environment.pk: {"holds": …}}
    for_projects(source_of)         # source_of(projects) -> {project.pk: {"source": {…}}}

They are called in the tenant's scope, once a page, with all that it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from hub.projects.models import Environment, Project

Facts = Mapping[UUID, Mapping[str, Any]]
_OF_ENVIRONMENTS: list[Callable[[Sequence[Environment]], Facts]] = []
_OF_PROJECTS: list[Callable[[Sequence[Project]], Facts]] = []


def for_environments(facts: Callable[[Sequence[Environment]], Facts]) -> None:
    _OF_ENVIRONMENTS.append(facts)


def for_projects(facts: Callable[[Sequence[Project]], Facts]) -> None:
    _OF_PROJECTS.append(facts)


def of_environments(environments: Sequence[Environment]) -> dict[UUID, dict[str, Any]]:
    return _gathered(_OF_ENVIRONMENTS, environments)


def of_projects(projects: Sequence[Project]) -> dict[UUID, dict[str, Any]]:
    return _gathered(_OF_PROJECTS, projects)


def _gathered(
    sources: Sequence[Callable[[Any], Facts]], things: Sequence[Any]
) -> dict[UUID, dict[str, Any]]:
    gathered: dict[UUID, dict[str, Any]] = {thing.pk: {} for thing in things}
    for source in sources:
        for id, facts in source(things).items():
            gathered[id].update(facts)
    return gathered
