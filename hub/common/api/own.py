"""Routes that belong to no noun: the OpenAPI document, health, the development outbox, and what is not there."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import connection
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.common import mail
from hub.common.api.access import anonymous
from hub.common.api.errors import NotFound
from hub.common.api.routes import METHODS
from hub.common.api.views import HubView


class HealthShape(serializers.Serializer):
    database = serializers.BooleanField()


class MailShape(serializers.Serializer):
    to = serializers.ListField(child=serializers.EmailField())
    subject = serializers.CharField()
    text = serializers.CharField()
    sent_at = serializers.DateTimeField()


class OutboxShape(serializers.Serializer):
    items = MailShape(many=True)
    next = serializers.CharField(allow_null=True)


class Schema(HubView):
    access = {"GET": anonymous}
    schema = None  # the document does not describe itself

    def get(self, request: Request) -> Response:
        return Response(_document())


@cache
def _document() -> Any:
    """It takes a third of a second to make, anyone may ask for it, and a process's routes do not change."""
    return SchemaGenerator().get_schema(request=None, public=True)


class Health(HubView):
    access = {"GET": anonymous}

    @extend_schema(responses=HealthShape)
    def get(self, request: Request) -> Response:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return Response({"database": True})


class Outbox(HubView):
    """The mail of a development Hub, to anyone who can reach it; there is no such route in production."""

    access = {"GET": anonymous}

    @extend_schema(responses=OutboxShape)
    def get(self, request: Request) -> Response:
        return Response({"items": mail.outbox(), "next": None})


class Unknown(HubView):
    """Any other address under /api/v1, so that a program gets our shape of 404 and not the screens' page."""

    access = dict.fromkeys(METHODS, anonymous)
    authentication_classes = ()
    schema = None

    def answer(self, request: Request, rest: str) -> Response:
        raise NotFound(f"There is no /api/v1/{rest[:200]}")

    get = post = put = patch = delete = answer
