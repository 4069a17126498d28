"""What moves an environment's traffic: weights set by hand, promotions, successions. Each is one new generation.

Whoever is here holds the environment's lock (`locked_traffic`), so generations come one by one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from uuid import UUID

from django.db.models.functions import Now

from hub import live
from hub.accounts.models import User
from hub.common.api.errors import Conflict, Invalid
from hub.common.sealing import seal
from hub.deployments import deploying
from hub.deployments.models import Deployment
from hub.fleet import actions as fleet
from hub.ingress.models import WHOLE, Traffic, TrafficChange, Weight
from hub.ingress.queries import weights_of
from hub.projects.actions import locked
from hub.projects.models import Environment
from wistro.protocol.ids import show
from wistro.traffic import weights as rules

KEY_BYTES = 32
NOTE_MOST = 500


class StaleGeneration(Conflict):
    """The weights changed after the asker read them."""

    code = "traffic.stale"
    hint = "Read the weights again, and decide from those."


class UnknownDeployment(Invalid):
    """A weight for a deployment that the environment does not have."""

    code = "traffic.unknown-deployment"
    hint = "Deploy the version to this environment first."


class NotHealthy(Conflict):
    """Traffic can only go to deployments that are healthy."""

    code = "traffic.not-healthy"
    hint = "Wait until it is healthy, or deploy the version again."


def locked_traffic(environment: Environment) -> Traffic:
    """The environment's traffic, nobody else's to change until the transaction ends; made when it is first asked for."""
    locked(environment)
    found = Traffic.objects.filter(environment=environment).first()
    return found or _made(environment)


def _made(environment: Environment) -> Traffic:
    traffic = Traffic(environment=environment)
    traffic.sealed_key = seal(os.urandom(KEY_BYTES), bound_to=traffic.bound_to)
    traffic.save(force_insert=True)
    return traffic


def set_weights(
    environment: Environment,
    weights: Mapping[UUID, int],
    *,
    if_generation: int,
    by: User | None,
    note: str = "",
) -> TrafficChange:
    """The full list, by hand; from now on the environment holds its weights. Deployments left out get nothing.

    Raises StaleGeneration, UnknownDeployment, NotHealthy, and the rules' BadWeight and WeightsSum.
    """
    traffic = locked_traffic(environment)
    if traffic.generation != if_generation:
        raise StaleGeneration(
            f"The weights are those of generation {traffic.generation}, not {if_generation}",
            fields={"if_generation": str(traffic.generation)},
        )
    _check(environment, weights)
    traffic.holds = True
    change = _change(traffic, _without_zeros(weights), why="set", by=by, note=note)
    bring_up_to_date(environment)
    return change


def _check(environment: Environment, weights: Mapping[UUID, int]) -> None:
    found = Deployment.objects.filter(environment=environment, pk__in=weights)
    known = {one.pk: one for one in found.with_version()}
    if unknown := [show("deployment", pk) for pk in weights if pk not in known]:
        raise UnknownDeployment(
            f"{environment.name} has no such deployment", fields=dict.fromkeys(unknown, "unknown")
        )
    rules.check(
        {
            f"{one.version.number} ({show('deployment', pk)})": weights[pk]
            for pk, one in known.items()
        }
    )
    for pk, one in known.items():
        if weights[pk] and one.state != "healthy":
            raise NotHealthy(
                f"Version {one.version.number} is {one.state} in {environment.name}",
                fields={show("deployment", pk): one.state},
            )


def release(environment: Environment, *, by: User | None) -> Traffic:
    """Let the next healthy version take all again; the weights stay. One that holds nothing stays as it is."""
    traffic = locked_traffic(environment)
    if traffic.holds:
        traffic.holds = False
        note = "Released: the next version that gets healthy takes all"
        _change(traffic, weights_of(traffic), why="released", by=by, note=note)
    return traffic


def settle(deployment: Deployment) -> None:
    """Give a deployment that got healthy its weight: its predecessor's, or all of it, or none."""
    environment = deployment.environment
    traffic = locked_traffic(environment)
    if deployment.succeeds_id is not None:
        _succeed(traffic)
    elif _promotes(deployment, traffic):
        number = deployment.version.number
        note = f"Version {number} got healthy and takes all"
        by = deployment.created_by
        _change(traffic, {deployment.pk: WHOLE}, why="promoted", by=by, note=note)
    else:
        touch(traffic)
    bring_up_to_date(environment)


def _promotes(deployment: Deployment, traffic: Traffic) -> bool:
    """Unless the weights are held, or one that was started later is there already.

    Weights that nobody has are held for nobody: the first healthy deployment gets them.
    """
    if not deployment.promotes or (traffic.holds and weights_of(traffic)):
        return False
    later = Deployment.objects.filter(environment=deployment.environment_id, promotes=True)
    return not later.filter(pk__gt=deployment.pk).exclude(healthy_at=None).exists()


def bring_up_to_date(environment: Environment) -> None:
    """See that whatever has weight runs with the newest variables, or has a successor that will."""
    environment = locked(environment)
    traffic = locked_traffic(environment)
    deploying.bring_up_to_date(environment, weighed=weights_of(traffic))


def _succeed(traffic: Traffic) -> None:
    """Once none of the successors is still starting, those that are healthy take over, all in one generation.

    A successor that failed leaves its predecessor what it has.
    """
    before = weights_of(traffic)
    heirs = {pk: _heir(pk) for pk in before}
    taking = {pk: heir for pk, heir in heirs.items() if heir and heir.state == "healthy"}
    if not taking or any(heir and heir.state == "starting" for heir in heirs.values()):
        touch(traffic)
        return
    after = {taking[pk].pk if pk in taking else pk: weight for pk, weight in before.items()}
    revision = max(heir.revision for heir in taking.values())
    _change(traffic, after, why="succeeded", note=f"Variables changed (revision {revision})")


def _heir(deployment: UUID) -> Deployment | None:
    return Deployment.objects.filter(succeeds=deployment).order_by("-pk").first()


def let_go(deployment: Deployment) -> None:
    """A deployment ended: what weight it had goes to the others; siblings that waited for it take over."""
    traffic = locked_traffic(deployment.environment)
    before = weights_of(traffic)
    if deployment.pk in before:
        others = {str(pk): weight for pk, weight in before.items()}
        alone = len(others) == 1
        after = {} if alone else rules.adjust(f"{deployment.pk}=0", others)
        note = f"Version {deployment.version.number} {deployment.state}"
        kept = {UUID(pk): weight for pk, weight in after.items() if weight}
        _change(traffic, kept, why="removed", note=note)
    elif deployment.succeeds_id is not None:
        _succeed(traffic)
    else:
        touch(traffic)


def retire(environment: Environment) -> int:
    """Let go of deployments that nobody has needed for long; how many."""
    traffic = locked_traffic(environment)
    leaving = deploying.drain_idle(environment, weighed=weights_of(traffic))
    if leaving:
        touch(traffic)
    return len(leaving)


def touch(traffic: Traffic) -> None:
    """What gateways route by changed, though no weight did: another deployment is there under its tag, or gone."""
    _stamp(traffic)
    live.publish("traffic", traffic.environment_id)


def _stamp(traffic: Traffic) -> None:
    traffic.serial = fleet.tick()
    traffic.changed_at = Now()
    traffic.save()
    traffic.refresh_from_db()


def _change(
    traffic: Traffic,
    weights: Mapping[UUID, int],
    *,
    why: str,
    by: User | None = None,
    note: str = "",
) -> TrafficChange:
    deploying.rest(set(weights_of(traffic)) - set(weights))
    traffic.generation += 1
    _stamp(traffic)
    change = TrafficChange.objects.create(
        environment_id=traffic.environment_id,
        generation=traffic.generation,
        serial=traffic.serial,
        by=by,
        why=why,
        note=note[:NOTE_MOST],
    )
    Weight.objects.bulk_create(
        [Weight(change=change, deployment_id=pk, basis_points=n) for pk, n in weights.items()]
    )
    live.publish("traffic", traffic.environment_id)
    live.publish("versions", traffic.environment.project_id)
    return change


def _without_zeros(weights: Mapping[UUID, int]) -> dict[UUID, int]:
    return {pk: weight for pk, weight in weights.items() if weight}
