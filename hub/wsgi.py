"""The Hub as plain WSGI, without sockets; `hub.asgi` is what `make up` runs."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
application = get_wsgi_application()
