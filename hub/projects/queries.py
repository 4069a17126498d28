"""Reading projects: variables as of a revision, addresses."""

from __future__ import annotations

from dataclasses import dataclass

from hub.common.sealing import open_sealed
from hub.common.settings import SETTINGS
from hub.projects.models import Environment, Variable


@dataclass(frozen=True)
class Value:
    """A variable's value, in the clear: for the engine's hosts, never for an API's answer."""

    text: str
    secret: bool


def settings_at(environment: Environment, revision: int | None = None) -> list[Variable]:
    """The last setting of each name up to a revision (default: now), removed names left out."""
    asked = environment.revision if revision is None else revision
    found = Variable.objects.filter(environment=environment, revision__lte=asked).select_related(
        "set_by", "environment"
    )
    newest = found.order_by("name", "-revision").distinct("name")
    return [one for one in newest if one.sealed is not None]


def variables_at(environment: Environment, revision: int | None = None) -> dict[str, Value]:
    """What a deployment with this revision runs with; raises sealing.NotOurs for a value that was tampered with."""
    return {
        one.name: Value(
            open_sealed(bytes(one.sealed or b""), bound_to=one.bound_to).decode(), one.secret
        )
        for one in settings_at(environment, revision)
    }


def label_of(
    environment: str, project: str, organization: str, *, version: int | None = None
) -> str:
    """The DNS label of an environment, or of one version in it: `v3--prod--shop--acme`."""
    return "--".join(
        filter(None, [f"v{version}" if version else "", environment, project, organization])
    )


def address_of(
    environment: str, project: str, organization: str, *, version: int | None = None
) -> str:
    return SETTINGS.endpoint_url.replace(
        "{label}", label_of(environment, project, organization, version=version)
    )
