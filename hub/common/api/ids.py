"""Ids in URLs and bodies: `path("projects/<project:project>")` takes `prj_…` and gives the view a UUID.

The first keyword of a route whose name is a kind (or `organization`, a slug) says which organization it is about.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.urls import register_converter
from rest_framework import serializers

from wistro.protocol import ids

KINDS = tuple(kind for kind in ids.PREFIXES if kind != "organization")


class _Converter:
    kind = ""
    regex = "[A-Za-z0-9_-]{26,40}"

    def to_python(self, value: str) -> UUID:
        return ids.read(self.kind, value)

    def to_url(self, value: UUID | str) -> str:
        return ids.show(self.kind, value)


class UnreadableIsNotFound(_Converter):
    def to_python(self, value: str) -> UUID:
        try:
            return super().to_python(value)
        except ids.UnreadableId as error:
            raise ValueError(str(error)) from error


class SlugConverter:
    regex = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"

    def to_python(self, value: str) -> str:
        return value

    to_url = to_python


def register() -> None:
    for kind in KINDS:
        register_converter(type(f"{kind}Converter", (UnreadableIsNotFound,), {"kind": kind}), kind)
    register_converter(SlugConverter, "label")


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
