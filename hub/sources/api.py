"""A project's source: connecting GitHub or any git URL, choosing a repository, reading its branches now."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.decorators import method_decorator
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.common import doors
from hub.common.api.access import member
from hub.common.api.views import HubView, no_content
from hub.common.settings import SETTINGS
from hub.common.tenancy import tenant
from hub.projects.api import NO_SOURCE, SourceLabel
from hub.projects.models import Project
from hub.sources import connecting, queries, reading
from hub.sources.models import BRANCH_LONGEST, Source
from wistro.protocol.ids import show


class AsksOutside(HubView):
    """A git host is asked on the way, so the view opens its own scopes: `with tenant(self.organization_id)`."""

    @method_decorator(transaction.non_atomic_requests)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)

    def enter(self, place: doors.Place) -> None:
        self.organization_id, self.role = place.organization_id, place.role


class OneSource(HubView):
    access = {"GET": member("projects:read"), "DELETE": member("projects:write")}

    @extend_schema(responses=SourceLabel)
    def get(self, request: Request, project: UUID) -> Response:
        found = Source.objects.filter(project=get_object_or_404(Project, pk=project)).first()
        return Response(queries.show(found) if found else NO_SOURCE)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, project: UUID) -> Response:
        connecting.disconnect(get_object_or_404(Project, pk=project))
        return no_content()


class Refresh(HubView):
    access = {"POST": member("projects:write")}

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, project: UUID) -> Response:
        reading.soon(connecting.the_source(get_object_or_404(Project, pk=project)))
        return no_content()


class RedirectShape(serializers.Serializer):
    redirect_url = serializers.URLField()


class StartGitHub(HubView):
    """For a browser: where it has to go. The way back is tied to its session."""

    access = {"POST": member()}

    @extend_schema(request=None, responses=RedirectShape)
    def post(self, request: Request, project: UUID) -> Response:
        found = get_object_or_404(Project.objects.select_related("organization"), pk=project)
        request.session[connecting.WAY] = show("project", found.pk)
        session = request.session.session_key or ""
        return Response({"redirect_url": connecting.begin(found, request.user, session)})


class RepositoryShape(serializers.Serializer):
    full_name = serializers.CharField()
    private = serializers.BooleanField()
    default_branch = serializers.CharField()


class RepositoryPage(serializers.Serializer):
    items = RepositoryShape(many=True)
    next = serializers.CharField(allow_null=True)


class Repositories(AsksOutside):
    """All that the App's installations of this organization have, in one page."""

    access = {"GET": member("projects:read")}

    @extend_schema(responses=RepositoryPage)
    def get(self, request: Request, project: UUID) -> Response:
        with tenant(self.organization_id):
            known = connecting.installations()
        found = connecting.repositories(known) if known else []
        items = RepositoryShape([one for one, _ in found], many=True).data
        return Response({"items": items, "next": None})


class RepositoryWish(serializers.Serializer):
    repository = serializers.CharField(max_length=500)


class GitHubSource(AsksOutside):
    access = {"PUT": member("projects:write")}

    @extend_schema(request=RepositoryWish, responses=SourceLabel)
    def put(self, request: Request, project: UUID) -> Response:
        wish = self.body(RepositoryWish)
        made = connecting.choose(
            project, wish["repository"], by=request.user, organization_id=self.organization_id
        )
        return Response(queries.show(made))


class GitWish(serializers.Serializer):
    url = serializers.CharField(max_length=2000)
    branch = serializers.CharField(max_length=BRANCH_LONGEST, required=False, allow_blank=True)


class GitSourceShape(SourceLabel):
    webhook_url = serializers.URLField()
    webhook_secret = serializers.CharField()


class AnyGitSource(AsksOutside):
    """Any git URL; the webhook's secret is told this once."""

    access = {"PUT": member("projects:write")}

    @extend_schema(request=GitWish, responses=GitSourceShape)
    def put(self, request: Request, project: UUID) -> Response:
        wish = self.body(GitWish)
        made, secret = connecting.connect_git(
            project, wish["url"], wish.get("branch", ""),
            by=request.user, organization_id=self.organization_id,
        )  # fmt: skip
        hook = f"{SETTINGS.hub_url.rstrip('/')}/hooks/git/{show('source', made.pk)}"
        told = {**queries.show(made), "webhook_url": hook, "webhook_secret": secret}
        return Response(told)
