"""How the OpenAPI document is made: operation names by path, who may, our error shape for every 4xx."""

from __future__ import annotations

import re
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers


class ErrorBody(serializers.Serializer):
    code = serializers.CharField()
    message = serializers.CharField()
    hint = serializers.CharField(allow_null=True)
    fields_ = serializers.DictField(child=serializers.CharField())

    def get_fields(self) -> dict[str, serializers.Field]:
        found = super().get_fields()
        return found | {"fields": found.pop("fields_")}  # `fields` is taken on a Serializer


class Error(serializers.Serializer):
    error = ErrorBody()


class Document(AutoSchema):
    def get_operation_id(self) -> str:
        """`get_projects_project`: the same from run to run, whatever else is added."""
        parts = re.sub(r"[^a-z0-9]+", "_", self.path.removeprefix("/api/v1/").lower()).strip("_")
        return f"{self.method.lower()}_{parts}"

    def get_tags(self) -> list[str]:
        return [type(self.view).__module__.split(".")[1]]

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation = super().get_operation(*args, **kwargs)
        access = getattr(self.view, "access", {}).get(self.method)
        if operation is not None and access is not None:
            operation["x-access"] = str(access)
        return operation

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies = super()._get_response_bodies(direction)
        bodies["4XX"] = self._get_response_for_code(OpenApiResponse(Error, "What was wrong"), "4XX")
        return bodies


class TokenInHeader(OpenApiAuthenticationExtension):
    target_class = "hub.accounts.authentication.ApiToken"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "wst_…"}


class SessionCookie(OpenApiAuthenticationExtension):
    target_class = "hub.accounts.authentication.Session"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "apiKey", "in": "cookie", "name": "session"}
