"""Datasets and samples for the screens; the export that `wistro datasets pull` reads."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Count, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.common.api.access import member
from hub.common.api.errors import Conflict
from hub.common.api.ids import PublicId
from hub.common.api.pages import page
from hub.common.api.views import HubView, no_content
from hub.datasets import actions, queries
from hub.datasets.models import NAME, NAME_LONGEST, Dataset, Sample
from hub.fleet.wire import answer
from hub.projects.models import Project
from hub.runs.api import asked

TAGS_MOST = 20


class NameTaken(Conflict):
    """The project has a dataset of this name."""

    code = "dataset.name-taken"
    hint = "Choose another name."


class DatasetWish(serializers.Serializer):
    name = serializers.RegexField(
        NAME,
        max_length=NAME_LONGEST,
        error_messages={
            "invalid": "Letters, digits, spaces, dots, hyphens and underscores, the first a letter or digit."
        },
    )
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)


class DatasetShape(serializers.Serializer):
    id = PublicId("dataset")
    name = serializers.CharField()
    description = serializers.SerializerMethodField()
    samples = serializers.IntegerField(source="sample_count")
    created_at = serializers.DateTimeField()

    def get_description(self, dataset: Dataset) -> str | None:
        return dataset.description or None


class DatasetPage(serializers.Serializer):
    items = DatasetShape(many=True)
    next = serializers.CharField(allow_null=True)


class SampleWish(serializers.Serializer):
    name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    tags = serializers.ListField(
        child=serializers.CharField(max_length=40), max_length=TAGS_MOST, required=False
    )


class NewSample(SampleWish):
    run = serializers.CharField(max_length=40)


class SampleShape(serializers.Serializer):
    id = PublicId("sample")
    name = serializers.SerializerMethodField()
    tags = serializers.ListField(child=serializers.CharField())
    run = PublicId("run", source="run_id")
    version = serializers.IntegerField(allow_null=True)
    environment = serializers.CharField()
    trigger = serializers.SerializerMethodField()
    input = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    created_by = serializers.SerializerMethodField()

    def get_name(self, sample: Sample) -> str | None:
        return sample.name or None

    def get_trigger(self, sample: Sample) -> dict[str, str]:
        return queries.trigger(sample)

    @extend_schema(responses=OpenApiTypes.ANY)
    def get_input(self, sample: Sample) -> Any:
        return msgspec.json.decode(sample.input)

    def get_created_by(self, sample: Sample) -> str | None:
        return sample.created_by.name or sample.created_by.email if sample.created_by else None


class SamplePage(serializers.Serializer):
    items = SampleShape(many=True)
    next = serializers.CharField(allow_null=True)


def shown() -> QuerySet[Dataset]:
    return Dataset.objects.annotate(sample_count=Count("samples"))


def tags_of(wish: dict[str, Any]) -> list[str] | None:
    return list(dict.fromkeys(wish["tags"])) if "tags" in wish else None


class Datasets(HubView):
    access = {"GET": member("datasets:read"), "POST": member("projects:write")}

    @extend_schema(responses=DatasetPage)
    def get(self, request: Request, project: UUID) -> Response:
        get_object_or_404(Project, pk=project)
        return Response(page(request, shown().filter(project=project), lambda one: DatasetShape(one).data))  # fmt: skip

    @extend_schema(request=DatasetWish, responses={201: DatasetShape})
    def post(self, request: Request, project: UUID) -> Response:
        of = get_object_or_404(Project.objects.select_for_update(of=("self",)), pk=project)
        wish = self.body(DatasetWish)
        checked(wish["name"], project_id=of.pk)
        made = Dataset.objects.create(project=of, created_by=request.user, **wish)
        return Response(DatasetShape(shown().get(pk=made.pk)).data, status=201)


def checked(name: str, *, project_id: UUID, but: UUID | None = None) -> None:
    if actions.is_taken(name, project_id=project_id, but=but):
        raise NameTaken(f"There is a dataset `{name}` already", fields={"name": "taken"})


class OneDataset(HubView):
    access = {
        "GET": member("datasets:read"),
        "PATCH": member("projects:write"),
        "DELETE": member("projects:write"),
    }

    @extend_schema(responses=DatasetShape)
    def get(self, request: Request, dataset: UUID) -> Response:
        return Response(DatasetShape(get_object_or_404(shown(), pk=dataset)).data)

    @extend_schema(request=DatasetWish(partial=True), responses=DatasetShape)
    def patch(self, request: Request, dataset: UUID) -> Response:
        found = get_object_or_404(Dataset, pk=dataset)
        wish = self.body(DatasetWish, partial=True)
        Project.objects.select_for_update(of=("self",)).get(pk=found.project_id)  # type: ignore[attr-defined]
        if "name" in wish:
            checked(wish["name"], project_id=found.project_id, but=found.pk)  # type: ignore[attr-defined]
        actions.rename(found, **wish)
        return self.get(request, dataset)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, dataset: UUID) -> Response:
        get_object_or_404(Dataset, pk=dataset).delete()
        return no_content()


class Samples(HubView):
    access = {"GET": member("datasets:read"), "POST": member("projects:write")}

    @extend_schema(responses=SamplePage)
    def get(self, request: Request, dataset: UUID) -> Response:
        of = get_object_or_404(Dataset, pk=dataset)
        found = Sample.objects.filter(dataset=of).select_related("created_by").defer("attempts")
        return Response(page(request, found, lambda one: SampleShape(one).data))

    @extend_schema(request=NewSample, responses={201: SampleShape})
    def post(self, request: Request, dataset: UUID) -> Response:
        of = get_object_or_404(Dataset.objects.select_for_update(of=("self",)), pk=dataset)
        wish = self.body(NewSample)
        made = actions.add(
            of, wish["run"], name=wish.get("name", ""), tags=tags_of(wish) or [], by=request.user
        )
        made.refresh_from_db()
        return Response(SampleShape(made).data, status=201)


class OneSample(HubView):
    """Its attempts as a run's are shown."""

    access = {
        "GET": member("datasets:read"),
        "PATCH": member("projects:write"),
        "DELETE": member("projects:write"),
    }

    @asked()
    def get(self, request: Request, sample: UUID) -> HttpResponse:
        found = get_object_or_404(Sample.objects.select_related("created_by"), pk=sample)
        return answer(dict(SampleShape(found).data, attempts=queries.views(found)))

    @extend_schema(request=SampleWish, responses=SampleShape)
    def patch(self, request: Request, sample: UUID) -> Response:
        found = get_object_or_404(Sample.objects.select_related("created_by"), pk=sample)
        wish = self.body(SampleWish)
        actions.change(found, name=wish.get("name"), tags=tags_of(wish))
        return Response(SampleShape(found).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, sample: UUID) -> Response:
        get_object_or_404(Sample, pk=sample).delete()
        return no_content()


class Export(HubView):
    """A dataset as `wistro datasets pull` writes it (wistro/protocol/samples.py)."""

    access = {"GET": member("datasets:read")}

    @asked()
    def get(self, request: Request, dataset: UUID) -> HttpResponse:
        return answer(queries.export(get_object_or_404(Dataset, pk=dataset)))
