"""The one socket address, /live: only from the Hub's own pages, as whoever the session says."""

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.security.websocket import OriginValidator
from django.urls import path

from hub.common.settings import SETTINGS
from hub.live.consumer import Live

sockets = [path("live", Live.as_asgi())]  # type: ignore[call-overload]
socket = OriginValidator(AuthMiddlewareStack(URLRouter(sockets)), [SETTINGS.hub_url.rstrip("/")])
