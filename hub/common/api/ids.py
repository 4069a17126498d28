"""Ids in URLs and bodies: `path("projects/<project:project>")` takes `prj_…` and gives the view a UUID.

The first keyword of a route whose name is a kind (or `organization`, a slug) says which organization it is about.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.urls import register_converter
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from wistro.protocol import ids

CONVERTERS = tuple(kind for kind in ids.PREFIXES if kind != "organization")
KINDS = tuple(
    kind for kind in CONVERTERS if kind not in ("user", "token", "machine")
)  # of an organization's things


class IdConverter:
    """An id that cannot be read is one that is not there: Django goes on to 404."""

    kind = ""
    regex = "[A-Za-z0-9_-]{26,40}"

    def to_python(self, value: str) -> UUID:
        try:
            return ids.read(self.kind, value)
        except ids.UnreadableId as error:
            raise ValueError(str(error)) from error

    def to_url(self, value: UUID | str) -> str:
        return ids.show(self.kind, value)


class SlugConverter:
    regex = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"

    def to_python(self, value: str) -> str:
        return value

    to_url = to_python


def register() -> None:
    for kind in CONVERTERS:
        register_converter(type(f"{kind}Converter", (IdConverter,), {"kind": kind}), kind)
    register_converter(SlugConverter, "label")


@extend_schema_field(OpenApiTypes.STR)
class PublicId(serializers.Field):
    """An id as people see it: `PublicId("project")`."""

    def __init__(self, kind: str, **kwargs: Any) -> None:
        self.kind = kind
        super().__init__(**kwargs)

    def to_representation(self, value: Any) -> str:
        return ids.show(self.kind, getattr(value, "pk", value))

    def to_internal_value(self, data: Any) -> UUID:
        try:
            return ids.read(self.kind, str(data))
        except ids.UnreadableId as error:
            raise serializers.ValidationError(str(error)) from error
