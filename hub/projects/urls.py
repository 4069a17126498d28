from django.urls import path

from hub.projects import api

urlpatterns = [
    path("organizations/<label:organization>/projects", api.Projects.as_view()),
    path("organizations/<label:organization>/projects/<label:slug>", api.ProjectBySlug.as_view()),
    path("projects/<project:project>", api.OneProject.as_view()),
    path("environments/<environment:environment>", api.OneEnvironment.as_view()),
    path("environments/<environment:environment>/variables", api.Variables.as_view()),
    path(
        "environments/<environment:environment>/variables/<str:variable>", api.OneVariable.as_view()
    ),
]
