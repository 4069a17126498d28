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
    """Of one version's lock: its graph; by a step's or entry's id its name, language and trigger; names of variables."""

    graph: Graph
    names: dict[str, str] = field(default_factory=dict)
    languages: dict[str, str | None] = field(default_factory=dict)
    triggers: dict[str, str] = field(default_factory=dict)
    variables: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Deployed:
    """A deployment's version, as the scope lets see it; nothing in it when there is none any more."""

    version_id: UUID | None = None
    number: int | None = None
    digest: str = ""

    @property
    def picture(self) -> Picture:
        known = self.version_id is not None and self.digest
        return _read(self.version_id, self.digest) if known else BLANK


BLANK = Picture(Graph([], [], []))
NOTHING = Deployed()


def deployed(deployment_ids: Collection[UUID]) -> dict[UUID, Deployed]:
    found = Deployment.objects.filter(pk__in=set(deployment_ids))
    rows = found.values_list("pk", "version_id", "version__number", "version__lock_digest")
    return {row[0]: Deployed(*row[1:]) for row in rows}


def of_version(version_id: UUID) -> Picture:
    found = Version.objects.filter(pk=version_id).values_list("pk", "number", "lock_digest").first()
    return (Deployed(*found) if found else NOTHING).picture


@lru_cache(maxsize=64)
def _read(version_id: UUID, digest: str) -> Picture:
    """Only for who has just been told the version's digest: memory knows no tenants."""
    text = Version.objects.values_list("lock", flat=True).get(pk=version_id)
    lock = lock_file.parse(text.encode())
    drawn = graph(lock)
    return Picture(
        graph=drawn,
        names={node.id: node.label for node in drawn.nodes},
        languages={node.id: node.language for node in drawn.nodes},
        triggers={one.id: _trigger(one.kind, one.trigger) for one in drawn.nodes if one.trigger},
        variables=[one.name for one in lock.env],
    )


def _trigger(kind: str, trigger: str) -> str:
    """A schedule without its zone where that is UTC."""
    return trigger.removesuffix(" UTC") if kind == "cron" else trigger
