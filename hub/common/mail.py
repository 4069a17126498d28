"""E-mail: any SMTP server by URL, or the development outbox, which keeps mail where /outbox shows it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from hub.common.settings import SETTINGS, BadSetting, Settings

KEPT = 100
KEY = "hub:outbox"


def email_settings(settings: Settings) -> dict[str, Any]:
    """Django's e-mail settings for WISTRO_EMAIL_URL; raises BadSetting."""
    url = urlsplit(settings.email_url)
    common = {"DEFAULT_FROM_EMAIL": settings.email_from, "EMAIL_TIMEOUT": 10}
    if url.scheme == "outbox":
        return common | {"EMAIL_BACKEND": "hub.common.mail.Outbox"}
    if url.scheme not in ("smtp", "smtps") or not url.hostname:
        raise BadSetting("WISTRO_EMAIL_URL is neither smtp://, smtps:// nor outbox:")
    return common | {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": url.hostname,
        "EMAIL_PORT": url.port or (465 if url.scheme == "smtps" else 587),
        "EMAIL_HOST_USER": unquote(url.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(url.password or ""),
        "EMAIL_USE_SSL": url.scheme == "smtps",
        "EMAIL_USE_TLS": url.scheme == "smtp" and bool(url.username),
    }


class Outbox(BaseEmailBackend):
    """Keeps the last mails in Redis, newest first; refused in production by hub.common.settings."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        from django.utils import timezone

        store = _redis()
        for mail in email_messages:
            kept = {
                "to": list(mail.to),
                "subject": mail.subject,
                "text": mail.body,
                "sent_at": timezone.now().isoformat().replace("+00:00", "Z"),
            }
            store.lpush(KEY, json.dumps(kept))
        store.ltrim(KEY, 0, KEPT - 1)
        return len(email_messages)


def outbox() -> list[dict[str, Any]]:
    return [json.loads(one) for one in _redis().lrange(KEY, 0, KEPT - 1)]


def _redis() -> Any:
    import redis

    return redis.Redis.from_url(SETTINGS.redis_url, socket_timeout=2, socket_connect_timeout=2)
