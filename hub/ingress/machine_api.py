"""What gateways and agents poll, by conditional GET: the If-None-Match says what they have applied."""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.request import Request

from hub.common.api.access import machine
from hub.common.api.views import HubView
from hub.fleet import actions as fleet
from hub.fleet import wire
from hub.fleet.authentication import MachineToken
from hub.ingress import acknowledging, assigning, routing


class Polled(HubView):
    authentication_classes = (MachineToken,)
    schema = None


class Routing(Polled):
    access = {"GET": machine("gateway")}

    def get(self, request: Request) -> HttpResponse:
        applied = wire.serial_of(request)
        if fleet.seen(request.auth.machine, serial=applied or 0):
            acknowledging.note()
        serial = fleet.serial()
        if serial == applied:
            return wire.unchanged(serial)
        return wire.answer(routing.table(serial), etag=wire.etag_of(serial))


class Assigned(Polled):
    access = {"GET": machine("agent")}

    def get(self, request: Request) -> HttpResponse:
        applied = wire.serial_of(request)
        fleet.seen(request.auth.machine, serial=applied or 0)
        serial = fleet.serial()
        if serial == applied:
            return wire.unchanged(serial)
        found = assigning.assignments(request.auth.machine_id, serial)
        return wire.answer(found, etag=wire.etag_of(serial))
