"""The Hub for browsers: `python -m hub.server hub.asgi:application` serves pages and API, and the socket at /live."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
http = get_asgi_application()

from channels.routing import ProtocolTypeRouter  # noqa: E402

from hub.live.routing import socket  # noqa: E402

application = ProtocolTypeRouter({"http": http, "websocket": socket})
