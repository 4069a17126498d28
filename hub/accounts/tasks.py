"""What beat does for accounts."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.contrib.sessions.models import Session
from django.db.models.functions import Now

from hub.accounts.models import Token
from hub.common.schedule import every

ENDED_TOKENS_KEPT = timedelta(days=30)  # so that its owner can see why `wistro` asks to log in


@every(seconds=3600)
@shared_task(name="hub.accounts.tasks.sweep")
def sweep() -> None:
    """Sessions and tokens that have ended: anyone who opens the sign-up page makes a session."""
    Session.objects.filter(expire_date__lt=Now()).delete()
    Token.objects.filter(expires_at__lt=Now() - ENDED_TOKENS_KEPT).delete()
