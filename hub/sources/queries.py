"""What is shown of sources, and what others ask about their branches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from hub.common.settings import SETTINGS
from hub.deployments.models import Version
from hub.projects.models import Project
from hub.sources.models import Ref, Source


def facts(projects: Sequence[Project]) -> Mapping[UUID, Mapping[str, Any]]:
    found = Source.objects.filter(project__in=projects).select_related("installation")
    return {one.project_id: {"source": show(one)} for one in found}


def show(source: Source) -> dict[str, Any]:
    state, problem = state_of(source)
    return {
        "kind": source.kind,
        "repository": source.url or source.repository or None,
        "default_branch": source.default_branch or None,
        "state": state,
        "problem": problem,
    }


def state_of(source: Source) -> tuple[str, str | None]:
    if source.kind == "github" and source.repository_id is None:
        return "choose a repository", None
    if source.problem:
        return "failing", source.problem
    if source.is_polled:
        return "polled", (
            f"Its branches are read every 60 s: no webhook can reach {SETTINGS.hub_url}, which is no public "
            "address. Give the Hub one (WISTRO_HUB_URL) to have pushes built at once."
        )
    return "connected", None


def head_of(version: Version) -> str | None:
    """The head of a version's branch as last read from its host; None when no host is read for its project.

    The source's row is locked: a head that is being read just now is known before the answer, or read after it.
    """
    source = (
        Source.objects.select_for_update(of=("self",)).filter(project=version.project_id).first()
    )
    if source is None:
        return None
    found = Ref.objects.filter(source=source, branch=version.branch).values_list("head", flat=True)
    return found.first() or ""
