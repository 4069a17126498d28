"""What is in the double: users, repositories, Apps, installations, codes, tokens, what was set on commits.

It is in memory and one lock guards it (server.py holds it while a request is answered); repositories are on disk.
"""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import RSAKey

TOKEN_LASTS_S = 3600
CODE_LASTS_S = 600


@dataclass
class User:
    login: str
    accounts: list[str]  # whose Apps they may install: their own and their organizations'
    sees: list[str] | None = (
        None  # full names, of a collaborator; else all of these accounts' repositories
    )


@dataclass
class Repository:
    id: int
    owner: str
    name: str
    private: bool = True
    default_branch: str = "main"

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass
class App:
    id: int
    slug: str
    name: str
    owner: str
    client_id: str
    client_secret: str
    webhook_secret: str
    pem: str
    manifest: dict[str, Any]

    @property
    def public_key(self) -> RSAKey:
        return RSAKey.import_key(self.pem)

    @property
    def permissions(self) -> dict[str, str]:
        return {"metadata": "read"} | self.manifest.get("default_permissions", {})

    @property
    def hook_url(self) -> str | None:
        hook = self.manifest.get("hook_attributes") or {}
        return hook.get("url") if hook.get("active", True) else None

    def hears(self, event: str) -> bool:
        always = ("installation", "installation_repositories")
        return event in always or event in self.manifest.get("default_events", [])


@dataclass
class Installation:
    id: int
    app_id: int
    account: str
    repositories: set[int]
    takes_all: bool = False
    suspended: bool = False


@dataclass
class Token:
    """An installation's."""

    installation: int
    repositories: set[int]
    permissions: dict[str, str]
    expires_at: float


@dataclass
class Code:
    """A one-time code: of a manifest (`app`) or of a user's authorization."""

    app_id: int
    user: str | None
    expires_at: float


@dataclass
class Change:
    """What an App set on a commit: a check run or a status, with all its states in order."""

    kind: str
    id: int
    repository: str
    sha: str
    app_id: int
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def now(self) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for one in self.history:
            merged |= one
        return merged


@dataclass
class State:
    """All of it. `folder` holds one bare repository a repository, by its id."""

    folder: Path
    url: str
    lock: threading.RLock = field(default_factory=threading.RLock)
    users: dict[str, User] = field(default_factory=dict)
    signed_in: str = "octo"
    repositories: dict[int, Repository] = field(default_factory=dict)
    old_names: dict[str, int] = field(default_factory=dict)
    apps: dict[int, App] = field(default_factory=dict)
    installations: dict[int, Installation] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    user_tokens: dict[str, tuple[str, int]] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    failing: int = 0  # of the next so many API requests: 502
    _ids: Any = field(default_factory=lambda: itertools.count(secrets.randbelow(10**6) + 10**6))

    def __post_init__(self) -> None:
        self.users["octo"] = User("octo", ["octo", "acme"])

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/v3"

    def next_id(self) -> int:
        return next(self._ids)

    def bare(self, repository: Repository) -> Path:
        return self.folder / f"{repository.id}.git"

    def called(self, full_name: str) -> Repository | None:
        wanted = full_name.lower()
        return next(
            (one for one in self.repositories.values() if one.full_name.lower() == wanted), None
        )

    def make_app(self, manifest: dict[str, Any]) -> App:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        id, name = self.next_id(), str(manifest["name"])
        slug = "-".join(name.lower().split()) or f"app-{id}"
        app = App(
            id=id, slug=slug, name=name, owner=self.signed_in, client_id=f"Iv1.{secrets.token_hex(8)}",
            client_secret=secrets.token_hex(20), webhook_secret=secrets.token_hex(20),
            pem=pem.decode(), manifest=manifest,
        )  # fmt: skip
        self.apps[app.id] = app
        return app

    def make_code(self, app: App, *, user: str | None) -> str:
        code = secrets.token_hex(20)
        self.codes[code] = Code(app.id, user, time.time() + CODE_LASTS_S)
        return code

    def use_code(self, code: str, *, of_user: bool) -> Code | None:
        """The code, once; None when it is unknown, used or old."""
        found = self.codes.get(code)
        if found is None or (found.user is not None) is not of_user:
            return None
        del self.codes[code]
        return found if found.expires_at > time.time() else None

    def in_installation(self, installation: Installation) -> set[int]:
        if not installation.takes_all:
            return installation.repositories & set(self.repositories)
        return {one.id for one in self.repositories.values() if one.owner == installation.account}

    def installations_with(self, repository: Repository) -> list[Installation]:
        return [
            one
            for one in self.installations.values()
            if not one.suspended and repository.id in self.in_installation(one)
        ]
