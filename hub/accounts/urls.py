from django.urls import path

from hub.accounts import api, oauth

urlpatterns = [
    path("me", api.Me.as_view()),
    path("organizations", api.Organizations.as_view()),
    path("organizations/<label:organization>", api.OneOrganization.as_view()),
    path("organizations/<label:organization>/members", api.Members.as_view()),
    path("organizations/<label:organization>/members/<user:user>", api.OneMember.as_view()),
    path("tokens", api.Tokens.as_view()),
    path("tokens/<token:token>", api.OneToken.as_view()),
]
outside = [
    path("oauth/authorize", oauth.authorize),
    path("oauth/token", oauth.token),
]
