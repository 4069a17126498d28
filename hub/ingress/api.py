"""An environment's traffic: its weights, which of them is applied, what was drawn, and what went before."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.common.api.access import member
from hub.common.api.errors import Invalid
from hub.common.api.ids import PublicId
from hub.common.api.views import HubView
from hub.ingress import actions, shapes
from hub.ingress.queries import traffic_of
from hub.projects.models import Environment

MOST_WEIGHTS = 100


class TrafficWish(serializers.Serializer):
    """`weights` is the full list, basis points by deployment id; `if_generation` the one it was decided from."""

    weights = serializers.DictField(child=serializers.IntegerField())
    if_generation = serializers.IntegerField(min_value=0)
    note = serializers.CharField(max_length=500, default="", allow_blank=True)


class OneTraffic(HubView):
    access = {"GET": member("projects:read"), "PUT": member("deploy")}

    @extend_schema(responses=shapes.TrafficShape)
    def get(self, request: Request, environment: UUID) -> Response:
        return Response(shapes.traffic(traffic_of(_environment(environment))))

    @extend_schema(request=TrafficWish, responses=shapes.TrafficShape)
    def put(self, request: Request, environment: UUID) -> Response:
        of = _environment(environment)
        wish = self.body(TrafficWish)
        actions.set_weights(
            of,
            _read(wish["weights"]),
            if_generation=wish["if_generation"],
            by=request.user,
            note=wish["note"],
        )
        return Response(shapes.traffic(traffic_of(of)))


class Release(HubView):
    access = {"POST": member("deploy")}

    @extend_schema(request=None, responses=shapes.TrafficShape)
    def post(self, request: Request, environment: UUID) -> Response:
        of = _environment(environment)
        actions.release(of, by=request.user)
        return Response(shapes.traffic(traffic_of(of)))


def _environment(id: UUID) -> Environment:
    return get_object_or_404(Environment.objects.select_related("project"), pk=id)


def _read(weights: dict[str, Any]) -> dict[UUID, int]:
    if len(weights) > MOST_WEIGHTS:
        raise Invalid(f"At most {MOST_WEIGHTS} weights", fields={"weights": "too many"})
    ids = PublicId("deployment")
    read: dict[UUID, int] = {}
    for key, weight in weights.items():
        try:
            read[ids.to_internal_value(key)] = weight
        except serializers.ValidationError:
            raise actions.UnknownDeployment(
                f"`{key[:60]}` is no deployment's id", fields={key[:60]: "unreadable"}
            ) from None
    return read
