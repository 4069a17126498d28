"""Versions, builds and deployments as they are at each point of their way."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from django.db.models.functions import Now

from hub.common.tenancy import tenant
from hub.deployments import blobs, deploying, versions
from hub.deployments.models import Build, Deployment, Version
from hub.fleet.actions import register
from hub.projects.models import Environment, Project
from tests.factories.accounts import unique
from tests.factories.projects import a_project, an_environment
from tests.factories.registry import World, machine, makes
from wistro.lock import file as lock_file
from wistro.lock.model import ApiTrigger, Lock, Triggers
from wistro.protocol import PROTOCOL
from wistro.protocol.bundle import Bundle, BundledFile
from wistro.protocol.machine import DeploymentHealth, Registered, Registration

LOCK = Lock(lock=1, digest="", triggers=Triggers(api=[ApiTrigger("POST", "/orders", "src/order")]))


def a_blob(content: bytes = b"", *, project: Project | None = None) -> str:
    """Bytes on the Hub's disk, a project's to read when it is named."""
    content = content or unique().encode()
    sha256 = hashlib.sha256(content).hexdigest()
    path = blobs.path_of(sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if project is not None:
        with tenant(project.organization_id):
            blobs.list_for(project, sha256, len(content))
    return sha256


def a_bundle(*files: str, project: Project | None = None) -> str:
    """A bundle's blob, of files that are there."""
    names = files or (a_blob(project=project),)
    listed = [BundledFile(f"src/{n}.py", "644", one, 12) for n, one in enumerate(names)]
    return a_blob(msgspec.json.encode(Bundle(listed)), project=project)


def a_lock(*endpoints: ApiTrigger) -> str:
    """The text of a lock with these endpoints, or with POST /orders."""
    triggers = Triggers(api=list(endpoints)) if endpoints else LOCK.triggers
    lock = msgspec.structs.replace(LOCK, triggers=triggers)
    return lock_file.write(lock).decode()


def a_version(
    project: Project | None = None,
    *,
    ready: bool = False,
    to: Environment | None = None,
    endpoints: Sequence[dict[str, Any]] | None = None,
    **more: Any,
) -> Version:
    """Of a push to main; queued, or ready with a lock and a bundle."""
    project = project or a_project()
    with tenant(project.organization_id):
        made = versions.push(
            project, branch=more.pop("branch", "main"), sha=more.pop("sha", unique()), telling="1",
            to=to, message="A change", author="Ada", **more,
        )  # fmt: skip
        return a_ready_one(made, endpoints) if ready else made


def a_ready_one(version: Version, endpoints: Sequence[dict[str, Any]] | None = None) -> Version:
    usual = [{"method": "POST", "path": "/orders", "step": "src/order"}]
    Build.objects.filter(version=version).update(state="ready", ended_at=Now())
    Version.objects.filter(pk=version.pk).update(
        state="ready",
        ready_at=Now(),
        lock=a_lock(),
        bundle=a_bundle(project=version.project),
        endpoints=usual if endpoints is None else list(endpoints),
    )
    version.refresh_from_db()
    return version


def a_deployment(
    environment: Environment | None = None,
    *,
    version: Version | None = None,
    healthy: bool = False,
    promotes: bool = True,
) -> Deployment:
    """Starting, or said to be healthy by its agent; without weight when it does not promote."""
    environment = environment or an_environment()
    with tenant(environment.organization_id):
        version = version or a_version(environment.project, ready=True)
        made = deploying.deploy(version, environment, by=None, promotes=promotes)
        return say(made, "healthy") if healthy else made


def say(deployment: Deployment, state: str, *, live_runs: int = 0, error: str | None = None) -> Deployment:  # fmt: skip
    """What its agent says of it; the deployment as it is then."""
    health = DeploymentHealth(str(deployment.pk), state, live_runs, error)
    with tenant(deployment.organization_id):
        deploying.hear_all(deployment.environment_id, [health])
        return Deployment.objects.select_related("environment", "version").get(pk=deployment.pk)


def a_machine(kind: str, *, name: str | None = None) -> Registered:
    return register(Registration(PROTOCOL, kind, name or f"{kind}-{unique()}"))


@machine("agent")
def _agent() -> str:
    return a_machine("agent").token


@machine("builder")
def _builder() -> str:
    return a_machine("builder").token


@machine("gateway")
def _gateway() -> str:
    return a_machine("gateway").token


@makes("sha256")
def _sha256(world: World) -> str:
    return a_blob(project=Project.objects.get(pk=world.get("project")))


@makes("version")
def _version(world: World) -> UUID:
    return a_version(Project.objects.get(pk=world.get("project")), ready=True).pk


@makes("build")
def _build(world: World) -> UUID:
    return Build.objects.get(version=world.get("version")).pk


@makes("deployment")
def _deployment(world: World) -> UUID:
    return a_deployment(Environment.objects.get(pk=world.get("environment"))).pk
