"""How many calls each deployment was given in a generation: hub/runs, above us, counts its records and hands it in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import UUID

Count = Callable[[UUID, int], Mapping[UUID, int]]
_BY: list[Count] = []


def by(count: Count) -> None:
    """Register in AppConfig.ready: `count(environment_id, generation)` -> drawn calls by deployment id.

    Called in the tenant's scope. Calls by a version's tag are not drawn, so they do not count.
    """
    _BY[:] = [count]


def of(environment_id: UUID, generation: int) -> Mapping[UUID, int]:
    return _BY[0](environment_id, generation) if _BY else {}
