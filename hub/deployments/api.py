"""Versions, their builds and logs; deploying them; a folder's files on their way in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from hub.common.api.access import member
from hub.common.api.errors import Invalid
from hub.common.api.ids import PublicId
from hub.common.api.pages import page
from hub.common.api.views import HubView, no_content
from hub.deployments import blobs, deploying, shapes, versions, weights
from hub.deployments.models import ENDED, Build, BuildLine, Deployment, Version
from hub.projects.models import Environment, Project

LINES_A_PAGE = 1000


def shown(found: QuerySet[Version]) -> QuerySet[Version]:
    alive = Deployment.objects.exclude(state="stopped").select_related("environment").order_by("pk")
    light = found.select_related("build", "created_by").defer("lock", "endpoints")
    return light.prefetch_related(Prefetch("deployments", queryset=alive))


def show(found: Sequence[Version]) -> list[dict[str, Any]]:
    weighed = weights.of([one.pk for version in found for one in version.deployments.all()])
    return [shapes.version(one, weighed) for one in found]


class UploadWish(serializers.Serializer):
    bundle = serializers.CharField(max_length=64)
    environment = serializers.CharField(max_length=12, default="dev")


class Versions(HubView):
    access = {"GET": member("projects:read"), "POST": member("deploy")}

    @extend_schema(responses=shapes.VersionPage)
    def get(self, request: Request, project: UUID) -> Response:
        get_object_or_404(Project, pk=project)
        found = page(request, shown(Version.objects.filter(project=project)), lambda one: one)
        return Response(found | {"items": show(found["items"])})

    @extend_schema(request=UploadWish, responses={201: shapes.VersionShape})
    def post(self, request: Request, project: UUID) -> Response:
        wish = self.body(UploadWish)
        into = get_object_or_404(Project, pk=project)
        to = Environment.objects.filter(project=into, name=wish["environment"]).first()
        if to is None:
            raise Invalid(
                f"There is no environment `{wish['environment']}`",
                fields={"environment": "unknown"},
            )
        made = versions.upload(into, bundle=wish["bundle"], to=to, by=request.user)
        return Response(show([shown(Version.objects).get(pk=made.pk)])[0], status=201)


class OneVersion(HubView):
    access = {"GET": member("projects:read")}

    @extend_schema(responses=shapes.VersionShape)
    def get(self, request: Request, version: UUID) -> Response:
        return Response(show([get_object_or_404(shown(Version.objects.all()), pk=version)])[0])


class Lines(HubView):
    """A build's log; `after` is the cursor that the page before gave."""

    access = {"GET": member("projects:read")}

    @extend_schema(responses=shapes.LinesShape)
    def get(self, request: Request, version: UUID) -> Response:
        build = get_object_or_404(Build.objects, version=version)
        attempt, seq = _cursor(request.query_params.get("after", ""))
        found = BuildLine.objects.filter(build=build).order_by("attempt", "seq")
        found = found.filter(attempt__gt=attempt) | found.filter(attempt=attempt, seq__gt=seq)
        lines = list(found[: LINES_A_PAGE + 1])
        more, lines = len(lines) > LINES_A_PAGE, lines[:LINES_A_PAGE]
        if lines:
            attempt, seq = lines[-1].attempt, lines[-1].seq
        return Response(
            {
                "lines": shapes.LineShape(lines, many=True).data,
                "cursor": f"{attempt}.{seq}" if seq >= 0 else "",
                "done": build.state in ENDED and not more,
            }
        )


def _cursor(text: str) -> tuple[int, int]:
    attempt, _, seq = text.partition(".")
    if text and not (attempt.isdecimal() and seq.isdecimal() and len(text) < 20):
        raise Invalid("`after` is not a cursor of this log", fields={"after": "unknown"})
    return (int(attempt), int(seq)) if text else (0, -1)


class Cancel(HubView):
    access = {"POST": member("deploy")}

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, version: UUID) -> Response:
        versions.cancel(get_object_or_404(Version, pk=version))
        return no_content()


class LockFile(HubView):
    access = {"GET": member("projects:read")}

    @extend_schema(responses={200: str})
    def get(self, request: Request, version: UUID) -> HttpResponse:
        found = get_object_or_404(Version, pk=version, state="ready")
        return HttpResponse(found.lock, content_type="text/plain; charset=utf-8")


class DeployWish(serializers.Serializer):
    version = serializers.CharField(max_length=40)


class Deployments(HubView):
    """Start a version in an environment, by its number or id; variables are as they are now."""

    access = {"POST": member("deploy")}

    @extend_schema(request=DeployWish, responses={201: shapes.DeploymentShape})
    def post(self, request: Request, environment: UUID) -> Response:
        to = get_object_or_404(Environment, pk=environment)
        asked = self.body(DeployWish)["version"]
        found = Version.objects.filter(project_id=to.project_id)
        if asked.isdecimal() and len(asked) < 10:
            version = get_object_or_404(found, number=int(asked))
        else:
            version = get_object_or_404(found, pk=PublicId("version").run_validation(asked))
        made = deploying.deploy(version, to, by=request.user, promotes=True)
        return Response(shapes.deployment(made, weight=0), status=201)


class Hashes(serializers.Serializer):
    sha256 = serializers.ListField(
        child=serializers.CharField(max_length=64), max_length=blobs.MOST_ASKED
    )


class MissingShape(serializers.Serializer):
    missing = serializers.ListField(child=serializers.CharField())


class Missing(HubView):
    access = {"POST": member("deploy")}

    @extend_schema(request=Hashes, responses=MissingShape)
    def post(self, request: Request, project: UUID) -> Response:
        asked = self.body(Hashes)["sha256"]
        return Response({"missing": blobs.missing(get_object_or_404(Project, pk=project), asked)})


class AnyBytes(BaseParser):
    """Leaves the body unread: a blob is streamed to disk."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        return stream


class OneBlob(HubView):
    access = {"PUT": member("deploy")}
    parser_classes = (AnyBytes,)

    @extend_schema(request=bytes, responses={204: None})
    def put(self, request: Request, project: UUID, sha256: str) -> Response:
        into = get_object_or_404(Project, pk=project)
        size = blobs.keep(blobs.checked([sha256])[0], request._request)  # type: ignore[arg-type]
        blobs.list_for(into, sha256, size)
        return no_content()
