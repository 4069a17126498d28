"""The calls that commands make, by name; paths stand here and nowhere else."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, TypeVar

from wistro.errors import UserError
from wistro.hub_client.connection import Hub
from wistro.hub_client.errors import HubRefused
from wistro.hub_client.shapes import (
    BuildLines,
    Dataset,
    Deployment,
    Environment,
    Me,
    Page,
    Project,
    Traffic,
    Variable,
    Version,
)
from wistro.protocol.reading import LinePage, RunDetail, RunPage
from wistro.protocol.samples import Export

A_PAGE = 200
Item = TypeVar("Item")


class NoSuchProject(UserError):
    """The Hub has no project of that name, or not for whoever asks."""

    code = "hub.no-project"
    hint = (
        "`wistro link` lists yours, `--project acme/shop` names one; "
        "a new one is made in the Hub by New project."
    )


class NoSuchEnvironment(UserError):
    """The project has no environment of that name."""

    code = "hub.no-environment"


class NoSuchVersion(UserError):
    """The project has no version of that number."""

    code = "hub.no-version"
    hint = "`wistro versions` lists them."


class NoSuchRun(UserError):
    """The environment has no run of that id."""

    code = "hub.no-run"
    hint = "`wistro runs` lists those of dev, `wistro runs prod` those of prod."


def me(hub: Hub) -> Me:
    return hub.get("/api/v1/me", Me)


def revoke(hub: Hub, token_id: str) -> None:
    hub.delete(f"/api/v1/tokens/{token_id}")


def project(hub: Hub, organization: str, slug: str) -> Project:
    """Raises NoSuchProject."""
    try:
        return hub.get(f"/api/v1/organizations/{organization}/projects/{slug}", Project)
    except HubRefused as refused:
        if refused.http_status == 404:
            raise NoSuchProject(
                f"there is no project `{organization}/{slug}` that you may see"
            ) from refused
        raise


def projects(hub: Hub, organization: str) -> list[Project]:
    return list(_all(hub, f"/api/v1/organizations/{organization}/projects", Page[Project]))


def environment(of: Project, name: str) -> Environment:
    """Raises NoSuchEnvironment, naming those that there are."""
    for one in of.environments:
        if one.name == name:
            return one
    names = [one.name for one in of.environments]
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean `{close[0]}`?" if close else f"It has: {', '.join(names) or 'none'}."
    raise NoSuchEnvironment(f"{of.label} has no environment `{name}`", hint=hint)


def one_environment(hub: Hub, known: Environment) -> Environment:
    """As it is now."""
    return hub.get(f"/api/v1/environments/{known.id}", Environment)


def versions(hub: Hub, of: Project, *, limit: int) -> list[Version]:
    """Newest first."""
    found = []
    for one in _all(
        hub, f"/api/v1/projects/{of.id}/versions", Page[Version], limit=min(limit, A_PAGE)
    ):
        found.append(one)
        if len(found) == limit:
            break
    return found


def version(hub: Hub, id: str) -> Version:
    return hub.get(f"/api/v1/versions/{id}", Version)


def version_of(hub: Hub, of: Project, number: int) -> Version:
    """Raises NoSuchVersion. Pages are read from the newest on, so old numbers take longer."""
    for one in _all(hub, f"/api/v1/projects/{of.id}/versions", Page[Version]):
        if one.number == number:
            return one
        if one.number < number:
            break
    raise NoSuchVersion(f"{of.label} has no version {number}")


def lines(hub: Hub, version_id: str, *, after: str | None) -> BuildLines:
    return hub.get(f"/api/v1/versions/{version_id}/lines", BuildLines, after=after)


def upload(hub: Hub, into: Project, *, bundle: str, environment: str) -> Version:
    body = {"bundle": bundle, "environment": environment}
    return hub.post(f"/api/v1/projects/{into.id}/versions", body, Version)


def deploy(hub: Hub, to: Environment, *, number: int) -> Deployment:
    path = f"/api/v1/environments/{to.id}/deployments"
    return hub.post(path, {"version": str(number)}, Deployment)


def traffic(hub: Hub, of: Environment) -> Traffic:
    return hub.get(f"/api/v1/environments/{of.id}/traffic", Traffic)


def set_traffic(
    hub: Hub, of: Environment, weights: dict[str, int], *, if_generation: int, note: str | None
) -> Traffic:
    """`weights` by deployment id; refused when the generation is not the current one any more."""
    body: dict[str, Any] = {"weights": weights, "if_generation": if_generation}
    if note:
        body["note"] = note
    return hub.put(f"/api/v1/environments/{of.id}/traffic", body, Traffic)


def release_traffic(hub: Hub, of: Environment) -> None:
    hub.ask(
        "POST",
        f"/api/v1/environments/{of.id}/traffic/release",
        b"",
        content_type="application/json",
    )


def variables(hub: Hub, of: Environment) -> list[Variable]:
    return hub.get(f"/api/v1/environments/{of.id}/variables", Page[Variable]).items


def set_variable(hub: Hub, of: Environment, name: str, value: str, *, secret: bool) -> Variable:
    body = {"name": name, "value": value, "secret": secret}
    return hub.post(f"/api/v1/environments/{of.id}/variables", body, Variable)


def remove_variable(hub: Hub, of: Environment, name: str) -> None:
    hub.delete(f"/api/v1/environments/{of.id}/variables/{name}")


def datasets(hub: Hub, of: Project) -> list[Dataset]:
    return list(_all(hub, f"/api/v1/projects/{of.id}/datasets", Page[Dataset]))


def export(hub: Hub, of: Dataset) -> Export:
    return hub.get(f"/api/v1/datasets/{of.id}/export", Export)


def runs(hub: Hub, of: Environment, **filters: Any) -> RunPage:
    return hub.get(f"/api/v1/environments/{of.id}/runs", RunPage, **filters)


def run(hub: Hub, of: Environment, id: str) -> RunDetail:
    try:
        return hub.get(f"/api/v1/environments/{of.id}/runs/{id}", RunDetail)
    except HubRefused as error:
        if error.http_status != 404:
            raise
        raise NoSuchRun(f"{of.name} has no run {id}") from error


def log_lines(hub: Hub, of: Environment, **filters: Any) -> LinePage:
    """The newest without `after`; from a cursor on with it."""
    return hub.get(f"/api/v1/environments/{of.id}/lines", LinePage, **filters)


def _all(hub: Hub, path: str, type: type[Page[Item]], *, limit: int = A_PAGE) -> Iterator[Item]:
    before: str | None = None
    while True:
        page = hub.get(path, type, limit=limit, before=before)
        yield from page.items
        if page.next is None or page.next == before:
            return
        before = page.next
