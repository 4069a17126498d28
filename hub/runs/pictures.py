"""What runs are told with: versions' numbers, and names and labels from their locks.

A version's lock never changes, so what was read of one is kept in memory for the next page.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache
from uuid import UUID

from hub.deployments.models import Deployment, Version
from wistro.lock import file as lock_file
from wistro.lock.picture import graph
from wistro.protocol.reading import Graph


@dataclass(frozen=True)
class Picture:
    """Of one version: its graph, and by a step's or entry's id its name, language and trigger."""

    graph: Graph
    names: dict[str, str] = field(default_factory=dict)
    languages: dict[str, str | None] = field(default_factory=dict)
    triggers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Deployed:
    """A deployment's version; `number` None when nothing is known of it any more."""

    version_id: UUID | None
    number: int | None


NOTHING = Deployed(None, None)


def deployed(deployment_ids: Collection[UUID]) -> dict[UUID, Deployed]:
    found = Deployment.objects.filter(pk__in=set(deployment_ids))
    rows = found.values_list("pk", "version_id", "version__number")
    return {id: Deployed(version_id, number) for id, version_id, number in rows}


def of_version(version_id: UUID | None) -> Picture:
    """The picture of a version in the scope; nothing on it when there is none, or it is not ready."""
    if version_id is None or (found := _digest(version_id)) is None:
        return Picture(Graph([], [], []))
    return _read(version_id, found)


def _digest(version_id: UUID) -> str | None:
    """Asked each time, in the scope: whoever may not see the version gets nothing out of the memory."""
    return Version.objects.filter(pk=version_id, state="ready").values_list("lock_digest", flat=True).first()  # fmt: skip


@lru_cache(maxsize=64)
def _read(version_id: UUID, digest: str) -> Picture:
    lock = lock_file.parse(
        Version.objects.values_list("lock", flat=True).get(pk=version_id).encode()
    )
    drawn = graph(lock)
    return Picture(
        graph=drawn,
        names={node.id: node.label for node in drawn.nodes},
        languages={node.id: node.language for node in drawn.nodes},
        triggers={
            node.id: _trigger(node.kind, node.trigger) for node in drawn.nodes if node.trigger
        },
    )


def _trigger(kind: str, trigger: str) -> str:
    """A schedule without its zone where that is UTC."""
    return trigger.removesuffix(" UTC") if kind == "cron" else trigger
