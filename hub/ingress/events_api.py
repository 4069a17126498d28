"""An environment's keys for events from outside, and the addresses they are sent to."""

from __future__ import annotations

from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.common.api.access import member
from hub.common.api.views import HubView
from hub.ingress import events_keys
from hub.ingress.models import EventsKey
from hub.ingress.queries import outside_topics
from hub.projects.actions import organization
from hub.projects.models import Environment
from hub.projects.queries import address_of
from wistro.lock.model import EVENTS


class EventsKeyShape(serializers.Serializer):
    start = serializers.CharField()
    made_at = serializers.DateTimeField()
    made_by = serializers.SerializerMethodField()

    def get_made_by(self, key: EventsKey) -> str | None:
        return key.made_by.email if key.made_by else None


class EventsShape(serializers.Serializer):
    """`keys` newest first. `topics` are those of the versions that serve, or could by their tag."""

    address = serializers.CharField()
    topics = serializers.ListField(child=serializers.CharField())
    keys = EventsKeyShape(many=True)


class NewEventsKeyShape(serializers.Serializer):
    """`key` is told this once."""

    key = serializers.CharField()
    start = serializers.CharField()


class Events(HubView):
    access = {
        "GET": member("projects:read"),
        "POST": member("projects:write"),
        "DELETE": member("projects:write"),
    }

    @extend_schema(responses=EventsShape)
    def get(self, request: Request, environment: UUID) -> Response:
        return Response(_shown(_environment(environment)))

    @extend_schema(request=None, responses={201: NewEventsKeyShape})
    def post(self, request: Request, environment: UUID) -> Response:
        made, key = events_keys.make(_environment(environment), by=request.user)
        return Response({"key": key, "start": made.start}, status=201)

    @extend_schema(responses=EventsShape)
    def delete(self, request: Request, environment: UUID) -> Response:
        found = _environment(environment)
        events_keys.end_older(found)
        return Response(_shown(found))


def _environment(id: UUID) -> Environment:
    return get_object_or_404(Environment.objects.select_related("project"), pk=id)


def _shown(environment: Environment) -> dict[str, object]:
    address = address_of(environment.name, environment.project.slug, organization().slug)
    return {
        "address": address.rstrip("/") + EVENTS,
        "topics": outside_topics(environment),
        "keys": EventsKeyShape(events_keys.keys_of(environment), many=True).data,
    }
