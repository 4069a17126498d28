"""What is meant by `27=25%`: version 27's newest healthy deployment there, and the others make room in proportion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from wistro.errors import UserError
from wistro.hub_client.shapes import Traffic, TrafficDeployment
from wistro.traffic.weights import WHOLE, UnknownVersion, adjust

ENDED = ("stopped", "failed")


class NothingBefore(UserError):
    """An environment whose weights have never been others."""

    code = "traffic.nothing-before"
    hint = "`wistro promote` gives a version all of the traffic."


class NotRunningAnyMore(UserError):
    """A version that had traffic once and whose deployment was stopped since."""

    code = "traffic.not-running"
    hint = "`wistro promote` starts it again and gives it all of the traffic."


def choices(traffic: Traffic) -> list[TrafficDeployment]:
    """What may have weight or has it, newest version first."""
    alive = [one for one in traffic.deployments if one.weight or one.state not in ENDED]
    return sorted(alive, key=lambda one: (one.version, one.id), reverse=True)


def newest_by_version(traffic: Traffic) -> dict[int, TrafficDeployment]:
    """Each version's newest healthy deployment, else its newest that has not ended: ids are UUIDv7, so go by age.

    While changed variables start a successor, a share still means the one that can take it.
    """
    alive = [one for one in choices(traffic) if one.state not in ENDED]
    found: dict[int, TrafficDeployment] = {}
    for one in sorted(alive, key=lambda one: one.state != "healthy"):
        found.setdefault(one.version, one)
    return found


def changed(traffic: Traffic, changes: Sequence[str]) -> dict[str, int]:
    """The full list by deployment id after these changes. Raises UnknownVersion, BadWeight, WeightsSum."""
    newest = newest_by_version(traffic)
    id_by_name = {str(version): one.id for version, one in newest.items()}
    named = set(id_by_name.values())
    id_by_name |= {one.id: one.id for one in choices(traffic) if one.id not in named}
    weight_by_id = {one.id: one.weight for one in traffic.deployments}
    after = adjust(changes, {name: weight_by_id[id] for name, id in id_by_name.items()})
    return {id_by_name[name]: weight for name, weight in after.items()}


def promoted(traffic: Traffic, version: int) -> dict[str, int]:
    """All of the traffic for one version's newest deployment. Raises UnknownVersion."""
    found = newest_by_version(traffic).get(version)
    if found is None:
        raise UnknownVersion(f"version {version} is not in this environment")
    return {found.id: WHOLE}


def before(traffic: Traffic) -> dict[str, int]:
    """The weights, by deployment id, of the last generation that had others than now.

    Raises NothingBefore, or NotRunningAnyMore when one of those versions was stopped since.
    """
    now: Counter[str] = Counter()
    for one in traffic.deployments:
        now[str(one.version)] += one.weight
    for change in sorted(traffic.history, key=lambda one: one.generation, reverse=True):
        if sum(change.weights.values()) == WHOLE and +Counter(change.weights) != +now:
            return _as_deployments(traffic, change.weights)
    raise NothingBefore("there are no weights to go back to")


def _as_deployments(traffic: Traffic, weights: dict[str, int]) -> dict[str, int]:
    newest = newest_by_version(traffic)
    wanted = {int(version): weight for version, weight in weights.items() if weight}
    if gone := [version for version in wanted if version not in newest]:
        raise NotRunningAnyMore(f"version {gone[0]} does not run any more in this environment")
    return {newest[version].id: weight for version, weight in wanted.items()}
