"""Who is signed in at which Hub: `credentials.json` (0600) in the user's configuration folder.

WISTRO_TOKEN and WISTRO_HUB_URL come before it. A kept token is sent only to the Hub that gave it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from wistro.errors import UserError
from wistro.hub_client import address
from wistro.hub_client.address import Address

NAME = "credentials.json"


class DamagedCredentials(UserError):
    """The file of kept tokens cannot be read."""

    code = "login.damaged-file"
    hint = "Remove it and run `wistro login`."


class Kept(msgspec.Struct, omit_defaults=True):
    """One Hub's token; `id` revokes it."""

    token: str
    email: str = ""
    id: str = ""


class Credentials(msgspec.Struct):
    """`current` is the Hub that was signed in to last."""

    hubs: dict[str, Kept] = {}
    current: str | None = None


@dataclass(frozen=True)
class Access:
    """Where to ask and as whom; `token` is None when nobody is signed in there."""

    address: Address
    token: str | None
    is_from_environment: bool = False


def folder(environ: Mapping[str, str]) -> Path:
    base = environ.get("XDG_CONFIG_HOME") or ""
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".config") / "wistro"


def read(path: Path) -> Credentials:
    """What is kept in a folder; empty where there is no file. Raises DamagedCredentials."""
    file = path / NAME
    try:
        return msgspec.json.decode(file.read_bytes(), type=Credentials)
    except FileNotFoundError:
        return Credentials()
    except (msgspec.MsgspecError, OSError) as error:
        raise DamagedCredentials(f"{file} cannot be read: {error}") from error


def write(path: Path, kept: Credentials) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    data = msgspec.json.format(msgspec.json.encode(kept), indent=2)
    with tempfile.NamedTemporaryFile(dir=path, prefix=".credentials-", delete=False) as file:
        try:
            file.write(data + b"\n")
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path / NAME)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def keep(path: Path, at: Address, kept: Kept) -> None:
    now = read(path)
    write(path, Credentials(now.hubs | {str(at): kept}, str(at)))


def forget(path: Path, at: Address) -> None:
    now = read(path)
    hubs = {hub: one for hub, one in now.hubs.items() if hub != str(at)}
    current = now.current if now.current in hubs else next(iter(hubs), None)
    write(path, Credentials(hubs, current))


def access(
    environ: Mapping[str, str], *, hub: str | None = None, linked: str | None = None
) -> Access:
    """`--hub`, else WISTRO_HUB_URL, else the folder's Hub, else the last one signed in to, else this machine's.

    A folder's Hub counts only where a token is kept for it: a cloned folder must not choose where
    WISTRO_TOKEN is sent.
    """
    kept = read(folder(environ))
    given = environ.get("WISTRO_TOKEN") or None
    named = hub or environ.get("WISTRO_HUB_URL") or None
    if named is None and given is None and linked in kept.hubs:
        named = linked
    at = address.read(named or kept.current or address.DEFAULT)
    own = kept.hubs.get(str(at))
    return Access(at, given or (own.token if own else None), given is not None)
