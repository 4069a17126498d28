"""Our own logs: JSON lines on stderr when it is no terminal, one line a request, each with its request's id."""

from __future__ import annotations

import logging
import logging.config
import re
import sys
import time
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

from wistro.protocol.ids import new_id

_SHARED = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
log = structlog.get_logger("hub.request")


def logging_config(level: str) -> None:
    """Send structlog and the standard library's loggers through one handler."""
    last = (
        structlog.dev.ConsoleRenderer()
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "ours": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": _SHARED,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        structlog.processors.format_exc_info,
                        last,
                    ],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "ours"}},
            "root": {"handlers": ["stderr"], "level": level.upper()},
            "loggers": {
                "django.request": {"level": "ERROR"},
                "daphne": {"level": "WARNING"},
                # "received", "succeeded", "sending due task", for each chore, every two seconds
                "celery.worker.strategy": {"level": "WARNING"},
                "celery.app.trace": {"level": "WARNING"},
                "celery.beat": {"level": "WARNING"},
            },
        }
    )


class RequestLog:
    """Gives each request an id (the caller's when it is sane), and writes one line about it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else str(new_id())
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.monotonic()
        response = self.get_response(request)
        response["X-Request-Id"] = request_id
        route = getattr(request.resolver_match, "route", None)
        took_ms = round((time.monotonic() - started) * 1000, 1)
        # A fleet at rest asks several times a second and is told that nothing is new.
        is_idle = (route or "").startswith("machine/") and response.status_code in (204, 304)
        (log.debug if is_idle else log.info)(
            "request",
            method=request.method,
            route=route,
            status=response.status_code,
            took_ms=took_ms,
        )
        return response
