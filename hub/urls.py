"""The Hub's addresses: the API, sign-in, the CLI's login; every other address is the screens' page.

An app joins by `hub/<app>/urls.py` with `urlpatterns` (under /api/v1) and, if it must, `outside` (under /).
"""

from importlib import import_module
from importlib.util import find_spec

from django.conf import settings
from django.urls import include, path, re_path

from hub.common.screens import shell

API = "api/v1/"
apps = [
    import_module(f"hub.{app}.urls")
    for app in (*settings.HUB_APPS, "common")
    if find_spec(f"hub.{app}.urls")
]

urlpatterns = [
    *(path(API, include(one.urlpatterns)) for one in apps),
    *(pattern for one in apps for pattern in getattr(one, "outside", [])),
    path("_allauth/", include("allauth.headless.urls")),
    re_path(r"^(?!api/|_allauth/|hooks/|machine/|assets/).*$", shell, name="screens"),
]
handler400 = "hub.common.api.answers.bad_request"
handler404 = "hub.common.api.answers.page_not_found"
handler500 = "hub.common.api.answers.server_error"
