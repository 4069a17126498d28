"""The Hub's own settings: one frozen object a process, read from the environment once.

`SETTINGS` is that object. Django's settings (hub/settings.py) are derived from it; the reference page is
generated from the fields' `env` and `help`.
"""

# ruff: noqa: RUF009  (`setting` is dataclasses.field with our metadata)
from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from wistro.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"", "0", "false", "no", "off"}


class BadSetting(UserError):
    """An environment variable of ours that is missing or cannot be used."""

    code = "settings.bad"
    hint = "docs/reference/settings.md lists them all; `make up` sets those it needs."


def setting(env: str, help: str, default: Any = MISSING) -> Any:
    return field(default=default, metadata={"env": env, "help": help})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Each field is one variable; a field without a default must be set."""

    mode: str = setting("WISTRO_MODE", "development or production", "development")
    secret_key: str = setting(
        "WISTRO_SECRET_KEY", "signs sessions and one-time links; 50+ characters"
    )
    key_ring: str = setting(
        "WISTRO_KEY_RING", "sealing keys, `1:<base64 of 32 bytes>,2:…`; the last is current"
    )
    database_url: str = setting(
        "DATABASE_URL", "PostgreSQL as the app role (no superuser, no BYPASSRLS, owns nothing)"
    )
    database_owner_url: str = setting(
        "DATABASE_OWNER_URL",
        "PostgreSQL as the owner: only `migrate` and the partition task are given it",
        "",
    )
    database_ingest_url: str = setting(
        "DATABASE_INGEST_URL",
        "PostgreSQL as the role that takes records in: only the machines' server is given it",
        "",
    )
    database_pool: int = setting(
        "WISTRO_DATABASE_POOL", "connections a process keeps at most; 0 for no pool", 10
    )
    redis_url: str = setting("REDIS_URL", "Redis or Valkey, for Celery, sockets and rate limits")
    hub_url: str = setting(
        "WISTRO_HUB_URL", "where browsers and the CLI find the Hub", "http://localhost:8000"
    )
    machines_url: str = setting(
        "WISTRO_MACHINES_URL", "where the fleet finds the Hub", "http://127.0.0.1:8001"
    )
    endpoint_url: str = setting(
        "WISTRO_ENDPOINT_URL",
        "an environment's address, with {label}; never on the Hub's registrable domain",
        "http://{label}.localhost:8080",
    )
    pool_token: str = setting(
        "WISTRO_POOL_TOKEN", "what a machine shows to register; empty: none may", ""
    )
    blobs: Path = setting("WISTRO_BLOBS", "the Hub's blob folder", ROOT / ".data" / "blobs")
    screens: Path = setting(
        "WISTRO_SCREENS", "the built screens", ROOT / "frontend" / "hub" / "dist"
    )
    trusted_networks: tuple[str, ...] = setting(
        "WISTRO_TRUSTED_NETWORKS",
        "networks that tenants' URLs may reach; refused in production",
        (),
    )
    extra_ca: Path | None = setting(
        "WISTRO_EXTRA_CA", "one more CA file; refused in production", None
    )
    trusted_proxies: tuple[str, ...] = setting(
        "WISTRO_TRUSTED_PROXIES", "load balancers whose forwarding headers are believed", ()
    )
    github_url: str = setting("WISTRO_GITHUB_URL", "GitHub's pages", "https://github.com")
    github_api_url: str = setting("WISTRO_GITHUB_API_URL", "GitHub's API", "https://api.github.com")
    github_app: Path | None = setting(
        "WISTRO_GITHUB_APP",
        "a JSON file with the GitHub App's id, slug, client_id, client_secret, webhook_secret and pem",
        None,
    )
    email_url: str = setting(
        "WISTRO_EMAIL_URL",
        "smtp://user:password@host:587 (smtps://…); `outbox:` keeps mail at /outbox",
        "outbox:",
    )
    email_from: str = setting(
        "WISTRO_EMAIL_FROM", "the sender of our e-mail", "wistro <hub@localhost>"
    )
    start_limit_s: int = setting(
        "WISTRO_START_LIMIT_S", "how long a deployment may start before it has failed", 600
    )
    log_level: str = setting("WISTRO_LOG_LEVEL", "debug, info, warning or error", "info")

    @property
    def is_production(self) -> bool:
        return self.mode == "production"


def load(environ: Mapping[str, str]) -> Settings:
    """Settings from variables; raises BadSetting naming the variable."""
    given: dict[str, Any] = {}
    for one in fields(Settings):
        name = one.metadata["env"]
        if text := environ.get(name, ""):
            given[one.name] = _read(name, text, str(one.type))
        elif one.default is MISSING:
            raise BadSetting(f"{name} is not set: {one.metadata['help']}")
    return _checked(Settings(**given))


def _read(name: str, text: str, type_: str) -> Any:
    if type_.startswith("Path"):
        return Path(text)
    if type_.startswith("tuple"):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if type_ == "int":
        if not text.isdecimal():
            raise BadSetting(f"{name} is not a whole number: {text!r}")
        return int(text)
    if type_ == "bool":
        if text.lower() not in _TRUE | _FALSE:
            raise BadSetting(f"{name} is neither 1 nor 0: {text!r}")
        return text.lower() in _TRUE
    return text


def _checked(settings: Settings) -> Settings:
    if settings.mode not in ("development", "production"):
        raise BadSetting(f"WISTRO_MODE is `{settings.mode}`; it is development or production")
    if "{label}" not in settings.endpoint_url:
        raise BadSetting("WISTRO_ENDPOINT_URL has no {label} in it")
    if settings.is_production:
        _check_production(settings)
    return settings


def _check_production(settings: Settings) -> None:
    if settings.trusted_networks or settings.extra_ca:
        raise BadSetting("WISTRO_TRUSTED_NETWORKS and WISTRO_EXTRA_CA are refused in production")
    if settings.email_url.startswith("outbox:"):
        raise BadSetting(
            "WISTRO_EMAIL_URL must be an SMTP server in production; the outbox shows all mail to anyone"
        )
    if not settings.hub_url.startswith("https://"):
        raise BadSetting("WISTRO_HUB_URL must be https in production")
    if len(settings.secret_key) < 50:
        raise BadSetting("WISTRO_SECRET_KEY has under 50 characters")


SETTINGS = load(os.environ)
