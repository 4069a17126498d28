"""What people read of an environment's runs: runs, one run, log lines, the graph of a version."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from hub.common.api.access import member
from hub.common.api.errors import Invalid
from hub.common.api.pages import limit_of
from hub.common.api.views import HubView
from hub.fleet.wire import answer
from hub.projects.models import Environment
from hub.runs import queries
from hub.runs.store.port import LineFilter, RunFilter
from wistro.protocol import ids

MOST = 1_000
TEXT_MOST = 200


def asked(*names: str) -> Any:
    """The OpenAPI document's word on a route whose answer is a shape of wistro/protocol/reading.py."""
    return extend_schema(
        parameters=[OpenApiParameter(name, str) for name in names],
        responses={200: OpenApiTypes.OBJECT},
    )


class EnvironmentView(HubView):
    def environment(self, id: UUID) -> Environment:
        return get_object_or_404(Environment, pk=id)

    def text(self, name: str) -> str:
        found = self.request.query_params.get(name, "")
        if len(found) > TEXT_MOST or (name != "text" and "\x00" in found):
            raise Invalid(f"`{name}` cannot be looked for", fields={name: "too long, or NUL in it"})
        return found

    def id_in(self, kind: str, name: str) -> UUID | None:
        found = self.request.query_params.get(name)
        return ids.read(kind, found) if found else None

    def number(self, name: str) -> int | None:
        found = self.request.query_params.get(name)
        if found and not (found.isascii() and found.isdecimal() and len(found) < 10):
            raise Invalid(f"`{name}` is a version's number", fields={name: "not a number"})
        return int(found) if found else None


class Runs(EnvironmentView):
    access = {"GET": member("projects:read")}

    @asked("status", "step", "flow", "version", "text", "before", "limit")
    def get(self, request: Request, environment: UUID) -> HttpResponse:
        found = self.environment(environment)
        number = self.number("version")
        filter = RunFilter(
            status=self.text("status"),
            step=self.text("step"),
            flow=self.text("flow"),
            text=self.text("text"),
            deployments=None if number is None else queries.deployments_of(found, number),
        )
        before = self.id_in("run", "before")
        limit = limit_of(request, usual=50, most=MOST)
        return answer(queries.runs(found, filter, before=before, limit=limit))


class OneRun(EnvironmentView):
    access = {"GET": member("projects:read")}

    @asked()
    def get(self, request: Request, environment: UUID, run: UUID) -> HttpResponse:
        return answer(queries.run(self.environment(environment), run))


class Lines(EnvironmentView):
    access = {"GET": member("projects:read")}

    @asked("run", "step", "level", "text", "after", "before", "limit")
    def get(self, request: Request, environment: UUID) -> HttpResponse:
        found = self.environment(environment)
        filter = LineFilter(
            run=self.id_in("run", "run"),
            step=self.text("step"),
            level=self.text("level"),
            text=self.text("text"),
        )
        limit = limit_of(request, usual=200, most=MOST)
        if (after := request.query_params.get("after")) is not None:
            cursor = queries.cursor_of(after)
            return answer(queries.lines_after(found, filter, after=cursor, limit=limit))
        line = queries.cursor_of(request.query_params.get("before", ""))
        return answer(queries.lines_before(found, filter, before=line, limit=limit))


class Graph(EnvironmentView):
    access = {"GET": member("projects:read")}

    @asked("version")
    def get(self, request: Request, environment: UUID) -> HttpResponse:
        return answer(queries.graph(self.environment(environment), self.number("version")))
