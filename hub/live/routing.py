"""The one socket address, /live: only from the Hub's own pages, as whoever the session says."""

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.security.websocket import OriginValidator
from django.urls import path

from hub.common.settings import SETTINGS
from hub.live.consumer import Live

sockets = [path("live", Live.as_asgi())]  # type: ignore[call-overload]


def origins(hub_url: str, *, is_production: bool) -> list[str]:
    """Where our pages come from. In development also by the loopback's other name, as ALLOWED_HOSTS has it."""
    own = hub_url.rstrip("/")
    if is_production:
        return [own]
    one, other = "//localhost", "//127.0.0.1"
    return sorted({own, own.replace(one, other), own.replace(other, one)})


socket = OriginValidator(
    AuthMiddlewareStack(URLRouter(sockets)),
    origins(SETTINGS.hub_url, is_production=SETTINGS.is_production),
)
