"""Registers the checks, the ids in URLs, and the Celery app that tasks are sent by."""

from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "hub.common"

    def ready(self) -> None:
        from hub import celery  # noqa: F401
        from hub.common import checks  # noqa: F401
        from hub.common.api import ids, routes  # noqa: F401

        ids.register()
