"""The last thing that the Hub said, on disk, so that a process of the fleet starts with the Hub down.

It holds keys and secrets, so it is sealed (AES-256-GCM) under a 0600 key file that lies outside the
process's data folder: a copy of the folder tells nothing.
"""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path
from typing import Generic, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from runner.paths import NotPrivate, private_folder, write_private
from wistro.errors import UserError

log = logging.getLogger("runner.sealed")
T = TypeVar("T")
_NONCE_BYTES = 12
_KEY_BYTES = 32


class KeyBesideData(UserError):
    """The sealing key would lie in the folder that it seals."""

    code = "runner.key-place"
    hint = "Set WISTRO_GATEWAY_KEY to a file outside WISTRO_DATA."


class Sealed(Generic[T]):
    """One message of a type in `<data>/<name>.sealed`; its key is `<data>.key` beside the folder by default."""

    def __init__(self, data: Path, *, name: str, type: type[T], key: Path | None = None) -> None:
        folder = private_folder(data)
        key = key or data.with_name(data.name + ".key")
        if key.resolve().is_relative_to(folder.resolve()):
            raise KeyBesideData(f"{key} lies in {data}")
        self._type = type
        self._form = f"wistro-{name}-1\n".encode()  # the first line, and what the seal is bound to
        self._file = folder / f"{name}.sealed"
        self._seal = AESGCM(_key(key))

    def keep(self, message: T) -> None:
        """On disk when this returns, in place of the last."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._seal.encrypt(nonce, msgspec.json.encode(message), self._form)
        write_private(self._file, self._form + nonce + sealed)

    def last(self) -> T | None:
        """What was kept last; None when there is none or it cannot be opened (logged)."""
        try:
            content = self._file.read_bytes()
        except FileNotFoundError:
            return None
        body = content.removeprefix(self._form)
        nonce, sealed = body[:_NONCE_BYTES], body[_NONCE_BYTES:]
        try:
            opened = self._seal.decrypt(nonce, sealed, self._form)
            return msgspec.json.decode(opened, type=self._type)
        except (InvalidTag, ValueError) as error:
            log.error("%s cannot be opened, waiting for the Hub: %r", self._file, error)
            return None


def _key(path: Path) -> bytes:
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, os.urandom(_KEY_BYTES))
        key = path.read_bytes()
    found = path.stat()
    if stat.S_IMODE(found.st_mode) & 0o077 or found.st_uid != os.getuid():
        raise NotPrivate(f"{path} is open to others", hint="Give it to this user with mode 0600.")
    if len(key) != _KEY_BYTES:
        raise NotPrivate(
            f"{path} is no key", hint="Remove it; a new one is made, and the Hub asked again."
        )
    return key
