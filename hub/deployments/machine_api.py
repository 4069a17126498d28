"""What builders and agents say and fetch: builds, blobs, heartbeats (wistro/protocol/machine.py)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction
from django.http import FileResponse, HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from rest_framework.request import Request

from hub.common import doors
from hub.common.api.access import machine
from hub.common.api.errors import NotFound
from hub.common.api.views import HubView
from hub.common.tenancy import tenant
from hub.deployments import blobs, deploying, fetching, versions
from hub.deployments.models import Build
from hub.fleet import actions as fleet
from hub.fleet import queries, wire
from hub.fleet.authentication import MachineToken
from wistro.errors import UserError
from wistro.protocol.machine import (
    BuildControl,
    BuildOrder,
    BuildProgress,
    BuildResult,
    Heartbeat,
    Problem,
    UploadSource,
)

HOST_AWAY = timedelta(
    seconds=10
)  # how long a build waits for its git host before it is taken again


class MachineView(HubView):
    authentication_classes = (MachineToken,)
    schema = None


class Claim(MachineView):
    """Not in one transaction: a git host is asked for a token between the claim and the answer."""

    access = {"POST": machine("builder")}

    @method_decorator(transaction.non_atomic_requests)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: Request) -> HttpResponse:
        fleet.seen(request.auth.machine, serial=0)
        build = versions.claim(request.auth.machine_id)
        if build is None:
            return wire.nothing()
        order = BuildOrder(
            build_id=str(build.pk),
            version_id=str(build.version_id),
            organization_id=str(build.organization_id),
            attempt=build.attempt,
            lease_s=versions.LEASE.total_seconds(),
        )
        if build.version.source == "upload":
            order.upload = UploadSource(bundle=build.version.upload)
            return wire.answer(order)
        try:
            order.git = fetching.git_source(build.version)
        except fetching.Unavailable:
            versions.give_back(build, after=HOST_AWAY)
            return wire.nothing()
        except UserError as error:
            problem = Problem(code=error.code, message=error.message, hint=error.hint)
            with tenant(build.organization_id):
                failed = BuildResult(build.attempt, "failed", problems=[problem])
                versions.finish(versions.locked(build.pk), failed)
            return wire.nothing()
        return wire.answer(order)


class BuildView(MachineView):
    """About one build that this builder has: `self.build()` in its tenant's scope, locked."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        found = doors.rows("build_of", kwargs["build"], request.auth.machine_id)
        if not found:
            raise NotFound("This builder has no such build")
        self._scopes.enter_context(tenant(found[0][0]))

    def build(self, id: UUID) -> Build:
        return versions.locked(id)


class Progress(BuildView):
    access = {"POST": machine("builder")}

    def post(self, request: Request, build: UUID) -> HttpResponse:
        said = wire.read(request, BuildProgress)
        fleet.seen(request.auth.machine, serial=0)
        return wire.answer(BuildControl(cancelled=versions.progress(self.build(build), said)))


class Finish(BuildView):
    access = {"POST": machine("builder")}

    def post(self, request: Request, build: UUID) -> HttpResponse:
        versions.finish(self.build(build), wire.read(request, BuildResult))
        return wire.nothing()


class Hashes(msgspec.Struct):
    sha256: list[str]


class Missing(MachineView):
    """Which bytes the Hub lacks, whoever's: a builder is ours, and what a project may read is said at the end."""

    access = {"POST": machine("builder")}

    def post(self, request: Request) -> HttpResponse:
        return wire.answer({"missing": blobs.absent(wire.read(request, Hashes).sha256)})


class OneBlob(MachineView):
    """Not in one transaction: its bytes come and go as fast as the builder's network lets them."""

    access = {"GET": machine("agent", "builder"), "PUT": machine("builder")}

    @method_decorator(transaction.non_atomic_requests)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: Request, sha256: str) -> FileResponse:
        if not doors.rows("blob_for", request.auth.machine_id, blobs.checked([sha256])[0]):
            raise NotFound("There is no such blob for this machine")
        path = blobs.path_of(sha256)
        if not path.exists():
            raise NotFound("There is no such blob for this machine")
        return FileResponse(path.open("rb"), content_type="application/octet-stream")

    def put(self, request: Request, sha256: str) -> HttpResponse:
        blobs.keep(blobs.checked([sha256])[0], request._request)
        return wire.nothing()


class Heartbeats(MachineView):
    """Each environment in a transaction of its own: two of them in one would lock each other's out of order."""

    access = {"POST": machine("agent")}

    @method_decorator(transaction.non_atomic_requests)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: Request) -> HttpResponse:
        said = wire.read(request, Heartbeat)
        fleet.seen(request.auth.machine, serial=said.serial)
        for environment in said.environments:
            environment_id = _uuid(environment.environment_id)
            organization_id = queries.granted(
                request.auth.machine_id, environment_id, environment.fence
            )
            if organization_id is None:
                continue  # granted away meanwhile: the assignments tell it so
            with tenant(organization_id):
                deploying.hear_all(environment_id, environment.deployments)
        return wire.nothing()


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("There is no such environment") from None
