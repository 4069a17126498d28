"""What machines may reach: /machine/v1 and nothing else. An app joins by `machine` in `hub/<app>/urls.py`."""

from importlib import import_module
from importlib.util import find_spec

from django.conf import settings
from django.urls import include, path

apps = [
    import_module(f"hub.{app}.urls")
    for app in (*settings.HUB_APPS, "common")
    if find_spec(f"hub.{app}.urls")
]

urlpatterns = [path("machine/v1/", include(one.machine)) for one in apps if hasattr(one, "machine")]
handler400 = "hub.common.api.answers.bad_request"
handler404 = "hub.common.api.answers.page_not_found"
handler500 = "hub.common.api.answers.server_error"
