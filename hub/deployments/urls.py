from django.urls import path

from hub.deployments import api, machine_api

urlpatterns = [
    path("projects/<project:project>/versions", api.Versions.as_view()),
    path("projects/<project:project>/blobs/missing", api.Missing.as_view()),
    path("projects/<project:project>/blobs/<str:sha256>", api.OneBlob.as_view()),
    path("versions/<version:version>", api.OneVersion.as_view()),
    path("versions/<version:version>/lines", api.Lines.as_view()),
    path("versions/<version:version>/cancel", api.Cancel.as_view()),
    path("versions/<version:version>/lock", api.LockFile.as_view()),
    path("environments/<environment:environment>/deployments", api.Deployments.as_view()),
]
machine = [
    path("builds/claim", machine_api.Claim.as_view()),
    path("builds/<uuid:build>/progress", machine_api.Progress.as_view()),
    path("builds/<uuid:build>/finish", machine_api.Finish.as_view()),
    path("blobs/missing", machine_api.Missing.as_view()),
    path("blobs/<str:sha256>", machine_api.OneBlob.as_view()),
    path("heartbeat", machine_api.Heartbeats.as_view()),
]
