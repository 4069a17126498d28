"""The routing table, made quick to ask: label -> environment -> deployments that have the path -> the draw.

Built whole beside the one in use and put in its place in one step. A schedule goes on over tables as
long as its generation does.
"""

from __future__ import annotations

import base64
import logging
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from wistro.errors import UserError
from wistro.http.paths import Match, MethodNotAllowed, NotFound, PathTable
from wistro.protocol.routing import RoutedDeployment, RoutedEnvironment, RoutingTable
from wistro.traffic.schedule import Schedule

log = logging.getLogger("runner.gateway")


class Policies(NamedTuple):
    """An endpoint's any-of list; `text` is equal where the lists are."""

    text: bytes
    any_of: list[dict[str, Any]]


@dataclass(frozen=True)
class Deployment:
    id: str
    version: int
    weight: int
    paths: PathTable[Policies]


class Candidate(NamedTuple):
    deployment: Deployment
    policies: Policies


@dataclass(frozen=True)
class Environment:
    """`schedules` by candidate set; `drawn` counts accepted calls by deployment in this generation."""

    id: str
    generation: int
    key: bytes
    deployments: list[Deployment]
    needs_keys: bool = False  # some endpoint's caller is verified with an identity provider's keys
    schedules: dict[tuple[str, ...], Schedule] = field(default_factory=dict)
    drawn: dict[str, int] = field(default_factory=dict)

    def candidates(
        self, method: str, path: str, *, version: int | None
    ) -> list[Candidate] | NotFound | MethodNotAllowed:
        """Who may get this call: the weighted deployments that have it, or the newest of one version."""
        found: list[Candidate] = []
        allow: set[str] = set()
        for deployment in self._asked(version):
            match = deployment.paths.match(method, path)
            if isinstance(match, Match):
                found.append(Candidate(deployment, match.value))
            elif isinstance(match, MethodNotAllowed):
                allow.update(match.allow)
        return found or (MethodNotAllowed(sorted(allow)) if allow else NotFound())

    def schedule(self, candidates: list[Candidate]) -> Schedule:
        ids = tuple([one.deployment.id for one in candidates])
        if ids not in self.schedules:
            self.schedules[ids] = Schedule([one.deployment.weight for one in candidates])
        return self.schedules[ids]

    def count(self, deployment: Deployment) -> None:
        self.drawn[deployment.id] = self.drawn.get(deployment.id, 0) + 1

    def _asked(self, version: int | None) -> list[Deployment]:
        if version is None:
            return [one for one in self.deployments if one.weight > 0]
        of_version = [one for one in self.deployments if one.version == version]
        # Ids are UUIDv7: the greatest is the newest. One with weight is preferred to one that is leaving.
        return sorted(of_version, key=lambda one: (one.weight > 0, one.id))[-1:]


class Routes:
    """Environments by label. Those whose table cannot be used stand in `unusable`: they answer 503."""

    def __init__(self, serial: int = -1) -> None:
        self.serial = serial
        self.environments: dict[str, Environment] = {}
        self.unusable: set[str] = set()
        self.needs_keys = False  # of identity providers, in any environment


def built(table: RoutingTable, *, before: Routes) -> Routes:
    """Routes for a table; schedules and counts of an unchanged generation go on."""
    routes = Routes(table.serial)
    known = {one.id: one for one in before.environments.values()}
    for row in table.environments:
        try:
            made = _environment(row, known.get(row.environment_id))
            routes.environments[row.host] = made
            routes.needs_keys |= made.needs_keys
        except (UserError, ValueError) as error:
            log.error("the table of %s (%s) is unusable: %s", row.host, row.environment_id, error)
            routes.unusable.add(row.host)
    return routes


def _environment(row: RoutedEnvironment, before: Environment | None) -> Environment:
    made = Environment(
        id=row.environment_id,
        generation=row.generation,
        key=base64.b64decode(row.key, validate=True),
        deployments=[_deployment(one) for one in row.deployments],
        needs_keys=any(
            policy["type"] == "oidc"
            for deployment in row.deployments
            for endpoint in deployment.endpoints
            for policy in endpoint.auth
        ),
    )
    if before and before.generation == made.generation and _weights(before) == _weights(made):
        made.schedules.update(before.schedules)
        made.drawn.update(before.drawn)
    return made


def _weights(environment: Environment) -> dict[str, int]:
    return {one.id: one.weight for one in environment.deployments if one.weight}


def _deployment(row: RoutedDeployment) -> Deployment:
    entries = [
        (one.method, one.path, Policies(msgspec.json.encode(one.auth), one.auth))
        for one in row.endpoints
    ]
    return Deployment(row.deployment_id, row.version, row.weight, PathTable(entries))
