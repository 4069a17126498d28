"""What we tell django-allauth about our users."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter

from wistro.protocol.ids import show


class Adapter(DefaultAccountAdapter):
    def clean_email(self, email: str) -> str:
        return super().clean_email(email).lower()

    def get_user_display(self, user: Any) -> str:  # pragma: no cover - allauth's older name
        return user.name or user.email


def user_id(user: Any) -> str:
    return show("user", user.pk)
