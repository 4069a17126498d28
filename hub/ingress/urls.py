from django.urls import path

from hub.ingress import api, events_api, machine_api

urlpatterns = [
    path("environments/<environment:environment>/traffic", api.OneTraffic.as_view()),
    path("environments/<environment:environment>/traffic/release", api.Release.as_view()),
    path("environments/<environment:environment>/events-keys", events_api.Events.as_view()),
]
machine = [
    path("routing", machine_api.Routing.as_view()),
    path("assignments", machine_api.Assigned.as_view()),
]
