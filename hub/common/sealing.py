"""Sealed values: AES-256-GCM under a key of their own, which is wrapped by the current key of WISTRO_KEY_RING.

Both layers are bound to where the value stands (`bound_to`), so a ciphertext copied into another row does not
open. Rotating wraps the value's key anew and leaves its ciphertext as it is. A column of sealed values is
registered with `register`, so that `manage.py rotate_keys` finds it.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.common.settings import SETTINGS, BadSetting

FORMAT = 1
NONCE = 12
WRAPPED = NONCE + 32 + 16
HEAD = 5  # format, then the ring key's number in 4 bytes


class NotOurs(RuntimeError):
    """A sealed value that does not open here: changed, moved from another row, or its key is gone."""


@dataclass(frozen=True)
class KeyRing:
    """Keys by number; the last one given seals, all open."""

    keys: dict[int, bytes]
    current: int

    @classmethod
    def read(cls, text: str) -> KeyRing:
        """`1:<base64 of 32 bytes>,2:…`; raises BadSetting."""
        keys: dict[int, bytes] = {}
        for part in filter(None, map(str.strip, text.split(","))):
            number, _, key = part.partition(":")
            try:
                keys[int(number)] = base64.b64decode(key, validate=True)
            except (ValueError, binascii.Error):
                raise BadSetting(
                    f"WISTRO_KEY_RING: the key after `{number}:` is no base64"
                ) from None
            if len(keys[int(number)]) != 32 or not 0 < int(number) < 2**32:
                raise BadSetting(
                    f"WISTRO_KEY_RING: key {number} is not 32 bytes, or its number not 1 or more"
                )
        if not keys:
            raise BadSetting("WISTRO_KEY_RING holds no key")
        return cls(keys, list(keys)[-1])


@cache
def ring() -> KeyRing:
    return KeyRing.read(SETTINGS.key_ring)


def seal(value: bytes, *, bound_to: str, ring_: KeyRing | None = None) -> bytes:
    """The value sealed for one place: `bound_to` names it wholly, from the tenant down to the column."""
    own_key, nonce = AESGCM.generate_key(256), os.urandom(NONCE)
    body = nonce + AESGCM(own_key).encrypt(nonce, value, bound_to.encode())
    return _wrap(own_key, bound_to, ring_ or ring()) + body


def open_sealed(sealed: bytes, *, bound_to: str, ring_: KeyRing | None = None) -> bytes:
    """The value again; raises NotOurs when it was changed or belongs elsewhere."""
    own_key, body = _unwrap(bytes(sealed), bound_to, ring_ or ring())
    try:
        return AESGCM(own_key).decrypt(body[:NONCE], body[NONCE:], bound_to.encode())
    except InvalidTag:
        raise NotOurs("A sealed value does not open where it stands") from None


def rewrap(sealed: bytes, *, bound_to: str, ring_: KeyRing | None = None) -> bytes:
    """The same value under the ring's current key."""
    ring_ = ring_ or ring()
    own_key, body = _unwrap(bytes(sealed), bound_to, ring_)
    return _wrap(own_key, bound_to, ring_) + body


def key_of(sealed: bytes) -> int:
    """The number of the ring's key under which it is wrapped."""
    return int.from_bytes(bytes(sealed)[1:HEAD], "big")


def _wrap(own_key: bytes, bound_to: str, ring_: KeyRing) -> bytes:
    nonce = os.urandom(NONCE)
    head = FORMAT.to_bytes(1, "big") + ring_.current.to_bytes(4, "big")
    return (
        head
        + nonce
        + AESGCM(ring_.keys[ring_.current]).encrypt(nonce, own_key, head + bound_to.encode())
    )


def _unwrap(sealed: bytes, bound_to: str, ring_: KeyRing) -> tuple[bytes, bytes]:
    if len(sealed) < HEAD + WRAPPED + NONCE + 16 or sealed[0] != FORMAT:
        raise NotOurs("Not a sealed value")
    key = ring_.keys.get(key_of(sealed))
    if key is None:
        raise NotOurs(f"The key ring lacks key {key_of(sealed)}")
    head, nonce = sealed[:HEAD], sealed[HEAD : HEAD + NONCE]
    wrapped, body = sealed[HEAD + NONCE : HEAD + WRAPPED], sealed[HEAD + WRAPPED :]
    try:
        return AESGCM(key).decrypt(nonce, wrapped, head + bound_to.encode()), body
    except InvalidTag:
        raise NotOurs("A sealed value does not open where it stands") from None


@dataclass(frozen=True)
class SealedColumn:
    model: Any
    column: str
    bound_to: Callable[[Any], str]
    of_tenants: bool = True


COLUMNS: list[SealedColumn] = []


def register(
    model: Any, column: str, *, bound_to: Callable[[Any], str], of_tenants: bool = True
) -> None:
    """Have `manage.py rotate_keys` rewrap this column; call it in AppConfig.ready. `of_tenants`: of a TenantModel."""
    COLUMNS.append(SealedColumn(model, column, bound_to, of_tenants))
