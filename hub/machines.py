"""The machines' server: `granian --interface wsgi hub.machines:application`. Only /machine/v1 answers."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.machine_settings")
application = get_wsgi_application()
