"""What changes records besides taking them in."""

from __future__ import annotations

from typing import Any

from hub.projects.models import Environment, Project
from hub.runs.models import Draw, Gap, Stream


def forget_project(sender: Any, *, project: Project, **_: Any) -> None:
    """Its cursors and counts go at once; its records, which nobody can ask for any more, with their days."""
    environments = list(Environment.objects.filter(project=project).values_list("pk", flat=True))
    for model in (Stream, Gap, Draw):
        model.objects.filter(environment_id__in=environments).delete()
