"""Projects, environments and variables. Weights and sources in the answers come from the apps above (facts.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.accounts.models import SLUG_LONGEST, Organization
from hub.common.api.access import member, owner
from hub.common.api.ids import PublicId
from hub.common.api.pages import page
from hub.common.api.views import HubView, no_content
from hub.projects import actions, facts
from hub.projects.models import FIRST_ENVIRONMENTS, Environment, Project
from hub.projects.queries import address_of, settings_at


class OrganizationLabel(serializers.Serializer):
    slug = serializers.CharField()
    name = serializers.CharField()


class ServingShape(serializers.Serializer):
    version = serializers.IntegerField()
    weight = serializers.IntegerField()
    state = serializers.CharField()


class EnvironmentShape(serializers.Serializer):
    id = PublicId("environment")
    name = serializers.CharField()
    address = serializers.CharField()
    revision = serializers.IntegerField()
    serving = ServingShape(many=True)
    holds = serializers.BooleanField()
    generation = serializers.IntegerField()


class ProjectLabel(serializers.Serializer):
    id = PublicId("project")
    slug = serializers.CharField()
    name = serializers.CharField()


class OneEnvironmentShape(EnvironmentShape):
    project = ProjectLabel()
    organization = OrganizationLabel()


class SourceLabel(serializers.Serializer):
    kind = serializers.ChoiceField(["github", "git", "none"])
    repository = serializers.CharField(allow_null=True)
    default_branch = serializers.CharField(allow_null=True)
    state = serializers.CharField(allow_null=True)
    problem = serializers.CharField(allow_null=True)


class ProjectShape(serializers.Serializer):
    id = PublicId("project")
    slug = serializers.CharField()
    name = serializers.CharField()
    created_at = serializers.DateTimeField()
    organization = OrganizationLabel()
    environments = EnvironmentShape(many=True)
    source = SourceLabel()


class ProjectPage(serializers.Serializer):
    items = ProjectShape(many=True)
    next = serializers.CharField(allow_null=True)


class ProjectWish(serializers.Serializer):
    name = serializers.CharField(max_length=100)
    slug = serializers.CharField(max_length=SLUG_LONGEST, required=False)


class ProjectChange(serializers.Serializer):
    name = serializers.CharField(max_length=100)


class VariableShape(serializers.Serializer):
    name = serializers.CharField()
    secret = serializers.BooleanField()
    set_at = serializers.DateTimeField()
    set_by = serializers.EmailField(source="set_by.email", allow_null=True, default=None)
    revision = serializers.IntegerField()


class VariablePage(serializers.Serializer):
    items = VariableShape(many=True)
    next = serializers.CharField(allow_null=True)


class VariableWish(serializers.Serializer):
    name = serializers.CharField(max_length=100)
    value = serializers.CharField(allow_blank=True, trim_whitespace=False, write_only=True)
    secret = serializers.BooleanField(default=True)


NO_SOURCE = {
    "kind": "none",
    "repository": None,
    "default_branch": None,
    "state": None,
    "problem": None,
}
NOT_SERVING = {"serving": [], "holds": False, "generation": 0}


def show_projects(projects: Sequence[Project]) -> list[dict[str, Any]]:
    """Projects of the scope's organization as the API shows them, their environments in the usual order."""
    organization = actions.organization()
    environments = list(Environment.objects.filter(project__in=projects).order_by("id"))
    of_environments, of_projects = facts.of_environments(environments), facts.of_projects(projects)
    shown = []
    for project in projects:
        own = sorted(
            (one for one in environments if one.project_id == project.pk), key=_usual_order
        )  # type: ignore[attr-defined]
        shown.append(
            {
                **_label(project),
                "created_at": project.created_at,
                "organization": organization,
                "environments": [
                    _environment(one, project, organization, of_environments[one.pk]) for one in own
                ],
                "source": NO_SOURCE | of_projects[project.pk].get("source", {}),
            }
        )
    return list(ProjectShape(shown, many=True).data)


def _usual_order(environment: Environment) -> tuple[int, UUID]:
    known = (
        FIRST_ENVIRONMENTS.index(environment.name) if environment.name in FIRST_ENVIRONMENTS else 99
    )
    return known, environment.pk


def _environment(
    environment: Environment, project: Project, organization: Organization, more: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": environment.pk,
        "name": environment.name,
        "address": address_of(environment.name, project.slug, organization.slug),
        "revision": environment.revision,
        **NOT_SERVING,
        **more,
    }


def _label(project: Project) -> dict[str, Any]:
    return {"id": project.pk, "slug": project.slug, "name": project.name}


class Projects(HubView):
    access = {"GET": member("projects:read"), "POST": member("projects:write")}

    @extend_schema(responses=ProjectPage)
    def get(self, request: Request, organization: str) -> Response:
        found = page(request, Project.objects.all(), lambda one: one)
        return Response({"items": show_projects(found["items"]), "next": found["next"]})

    @extend_schema(request=ProjectWish, responses={201: ProjectShape})
    def post(self, request: Request, organization: str) -> Response:
        wish = self.body(ProjectWish)
        made = actions.make_project(wish["name"], slug=wish.get("slug"), by=request.user)
        made.refresh_from_db()
        return Response(show_projects([made])[0], status=201)


class ProjectBySlug(HubView):
    access = {"GET": member("projects:read")}

    @extend_schema(responses=ProjectShape)
    def get(self, request: Request, organization: str, slug: str) -> Response:
        return Response(show_projects([get_object_or_404(Project, slug=slug)])[0])


class OneProject(HubView):
    access = {"GET": member("projects:read"), "PATCH": member("projects:write"), "DELETE": owner()}

    @extend_schema(responses=ProjectShape)
    def get(self, request: Request, project: UUID) -> Response:
        return Response(show_projects([get_object_or_404(Project, pk=project)])[0])

    @extend_schema(request=ProjectChange, responses=ProjectShape)
    def patch(self, request: Request, project: UUID) -> Response:
        found = get_object_or_404(Project, pk=project)
        found.name = self.body(ProjectChange)["name"]
        found.save(update_fields=["name"])
        return Response(show_projects([found])[0])

    @extend_schema(responses={204: None})
    def delete(self, request: Request, project: UUID) -> Response:
        actions.remove_project(get_object_or_404(Project, pk=project))
        return no_content()


class OneEnvironment(HubView):
    access = {"GET": member("projects:read")}

    @extend_schema(responses=OneEnvironmentShape)
    def get(self, request: Request, environment: UUID) -> Response:
        found = get_object_or_404(Environment.objects.select_related("project"), pk=environment)
        organization = actions.organization()
        more = facts.of_environments([found])[found.pk]
        shown = _environment(found, found.project, organization, more) | {
            "project": _label(found.project),
            "organization": organization,
        }
        return Response(OneEnvironmentShape(shown).data)


class Variables(HubView):
    """Names, never values: what was set can be replaced or removed, not read."""

    access = {"GET": member("projects:read"), "POST": member("projects:write")}

    @extend_schema(responses=VariablePage)
    def get(self, request: Request, environment: UUID) -> Response:
        found = settings_at(get_object_or_404(Environment, pk=environment))
        return Response({"items": VariableShape(found, many=True).data, "next": None})

    @extend_schema(request=VariableWish, responses={201: VariableShape})
    def post(self, request: Request, environment: UUID) -> Response:
        wish = self.body(VariableWish)
        found = get_object_or_404(Environment, pk=environment)
        made = actions.set_variable(
            found, wish["name"], wish["value"], secret=wish["secret"], by=request.user
        )
        return Response(VariableShape(made).data, status=201)


class OneVariable(HubView):
    access = {"DELETE": member("projects:write")}

    @extend_schema(responses={204: None})
    def delete(self, request: Request, environment: UUID, variable: str) -> Response:
        actions.remove_variable(
            get_object_or_404(Environment, pk=environment), variable, by=request.user
        )
        return no_content()
