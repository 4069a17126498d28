"""Machines' bearer tokens: the pool's to register with, a machine's own for everything else. Only hashes are kept."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from hub.common.settings import SETTINGS
from hub.fleet.models import Machine


@dataclass(frozen=True)
class AsMachine:
    """Who is asking: `kind` is agent, builder, gateway, or pool, which has no machine yet."""

    kind: str
    machine: Machine | None = None

    @property
    def machine_id(self) -> UUID:
        assert self.machine is not None
        return self.machine.pk


class MachineToken(BaseAuthentication):
    """Puts an AsMachine into `request.auth`; machines are no users."""

    def authenticate(self, request: Request) -> tuple[None, AsMachine] | None:
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer" or not token:
            return None
        if SETTINGS.pool_token and hmac.compare_digest(token, SETTINGS.pool_token.encode()):
            return None, AsMachine("pool")
        machine = Machine.objects.filter(token_sha256=hash_of(token)).first()
        if machine is None:
            raise AuthenticationFailed("No machine has this token")
        return None, AsMachine(machine.kind, machine)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def hash_of(token: bytes) -> bytes:
    """Tokens are 32 random bytes, so a plain sha256 is enough."""
    return hashlib.sha256(token).digest()
