from django.urls import path

from hub.runs import api, machine_api

urlpatterns = [
    path("environments/<environment:environment>/runs", api.Runs.as_view()),
    path("environments/<environment:environment>/runs/<run:run>", api.OneRun.as_view()),
    path("environments/<environment:environment>/lines", api.Lines.as_view()),
    path("environments/<environment:environment>/graph", api.Graph.as_view()),
]
machine = [path("records", machine_api.Records.as_view())]
