"""What we tell django-allauth about our users."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from hub.common.settings import SETTINGS
from wistro.protocol.ids import show


class Adapter(DefaultAccountAdapter):
    def clean_email(self, email: str) -> str:
        return super().clean_email(email).lower()

    def get_client_ip(self, request: HttpRequest) -> str:
        return caller(
            request.META.get("REMOTE_ADDR", ""), request.headers.get("X-Forwarded-For", "")
        )

    def get_user_display(self, user: Any) -> str:  # pragma: no cover - allauth's older name
        return user.name or user.email


def caller(peer: str, forwarded: str) -> str:
    """Whose tries are counted: behind WISTRO_TRUSTED_PROXIES the last hop that none of them wrote about itself.

    Without this all people behind one load balancer would share one limit on signing in.
    """
    for hop in reversed([one.strip() for one in forwarded.split(",")]):
        if not _is_proxy(peer) or not _is_address(hop):
            return peer
        peer = hop
    return peer


def _is_proxy(address: str) -> bool:
    return _is_address(address) and any(
        ip_address(address) in ip_network(one) for one in SETTINGS.trusted_proxies
    )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def user_id(user: Any) -> str:
    return show("user", user.pk)
