from django.urls import path

from hub.sources import api, pages, webhooks

urlpatterns = [
    path("projects/<project:project>/source", api.OneSource.as_view()),
    path("projects/<project:project>/source/refresh", api.Refresh.as_view()),
    path("projects/<project:project>/source/git", api.AnyGitSource.as_view()),
    path("projects/<project:project>/source/github", api.GitHubSource.as_view()),
    path("projects/<project:project>/source/github/start", api.StartGitHub.as_view()),
    path("projects/<project:project>/source/github/repositories", api.Repositories.as_view()),
]
outside = [
    path("github/new", pages.new_app),
    path("github/made", pages.app_made),
    path("github/authorize", pages.authorize),
    path("github/installed", pages.installed),
    path("hooks/github", webhooks.FromGitHub.as_view()),
    path("hooks/git/<source:source>", webhooks.FromGit.as_view()),
]
