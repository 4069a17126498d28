"""Celery: a message is a hint that a committed row is due. `celery -A hub.celery worker`, and `beat`."""

import os

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")

from hub.common.schedule import SCHEDULE
from hub.common.settings import SETTINGS

app = Celery("hub")  # pyright: ignore[reportCallIssue]: it takes this file for the package
app.set_default()  # for every thread: else a request's thread gets an app of no settings, whose broker nobody runs
app.conf.update(
    broker_url=SETTINGS.redis_url,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "visibility_timeout": 3600,
        "socket_timeout": 10,
        "socket_keepalive": True,
    },
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_time_limit=900,
    task_soft_time_limit=840,
    task_serializer="json",
    accept_content=["json"],
    task_default_queue="hub",
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    timezone="UTC",
    beat_schedule=SCHEDULE,
)
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """Celery would replace hub/common/logs.py's handlers."""
