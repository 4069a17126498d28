"""Where agents send what happened (wistro/protocol/records.py)."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from rest_framework.request import Request

from hub import live
from hub.common.api.access import machine
from hub.common.api.errors import Conflict
from hub.common.api.views import HubView
from hub.fleet import queries, wire
from hub.fleet.authentication import MachineToken
from hub.runs.store import records
from hub.runs.store.rows import uuid_of
from wistro.protocol.records import RecordsBatch, RecordsTaken


class Fenced(Conflict):
    """Records of an environment that this machine does not run, or not under this fence any more."""

    code = "records.fenced"
    hint = "Ask for the assignments again: who runs the environment now sends its records."


class Records(HubView):
    """Not in a request's transaction: intake has its own, on its own connection."""

    access = {"POST": machine("agent")}
    authentication_classes = (MachineToken,)
    schema = None

    @method_decorator(transaction.non_atomic_requests)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: Request) -> HttpResponse:
        batch = wire.read(request, RecordsBatch)
        environment_id = uuid_of(batch.environment_id, "The environment")
        if not 0 <= batch.fence < 2**63:
            raise Fenced(f"{batch.fence} is no fence")
        organization_id = queries.granted(request.auth.machine_id, environment_id, batch.fence)
        if organization_id is None:
            raise Fenced(f"This machine does not run {environment_id} under fence {batch.fence}")
        taken = records.take(batch, organization_id=organization_id)
        if taken.lines:
            live.publish("lines", environment_id, cursor={batch.stream: taken.seq})
        if taken.runs:
            live.publish("runs", environment_id)
            live.publish_all("run", taken.runs)
        return wire.answer(RecordsTaken(stream=batch.stream, seq=taken.seq))
