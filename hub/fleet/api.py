"""Machines register here; people see which there are and what holds tenants' code in."""

from __future__ import annotations

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.common.api.access import machine, signed_in
from hub.common.api.errors import Invalid
from hub.common.api.ids import PublicId
from hub.common.api.views import HubView
from hub.fleet import actions, wire
from hub.fleet.authentication import MachineToken
from hub.fleet.models import KINDS
from hub.fleet.queries import shown_machines
from wistro.protocol.machine import Registration


class Register(HubView):
    access = {"POST": machine("pool")}
    authentication_classes = (MachineToken,)
    schema = None

    def post(self, request: Request) -> HttpResponse:
        said = wire.read(request, Registration)
        wire.check_protocol(said.protocol)
        if said.kind not in KINDS or not 0 < len(said.name) <= 100:
            raise Invalid("A machine has a kind and a name of at most 100 characters")
        return wire.answer(actions.register(said))


class MachineShape(serializers.Serializer):
    id = PublicId("machine")
    kind = serializers.CharField()
    name = serializers.CharField()
    state = serializers.CharField()
    seen_at = serializers.DateTimeField()
    sandbox = serializers.DictField(child=serializers.CharField())


class FleetShape(serializers.Serializer):
    machines = MachineShape(many=True)


class Fleet(HubView):
    access = {"GET": signed_in("projects:read")}

    @extend_schema(responses=FleetShape)
    def get(self, request: Request) -> Response:
        return Response(FleetShape({"machines": shown_machines()}).data)
