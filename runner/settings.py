"""The fleet's settings: one frozen object a process, read from the environment once.

Agent, builder and gateway share it; each uses what it needs. The reference page is generated from the
fields' `env` and `help`.
"""

# ruff: noqa: RUF009  (`setting` is dataclasses.field with our metadata)
from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from wistro.errors import UserError

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


class BadSetting(UserError):
    """An environment variable of the fleet's that is missing or cannot be used."""

    code = "runner.setting"
    hint = "docs/reference/settings.md lists them all; `make up` sets those it needs."


def setting(env: str, help: str, default: Any = MISSING) -> Any:
    return field(default=default, metadata={"env": env, "help": help})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Each field is one variable; a field without a default must be set."""

    mode: str = setting("WISTRO_MODE", "development or production", "development")
    machines_url: str = setting(
        "WISTRO_MACHINES_URL", "where the fleet finds the Hub", "http://127.0.0.1:8001"
    )
    pool_token: str = setting(
        "WISTRO_POOL_TOKEN", "what a machine shows to register; needed until it has its own", ""
    )
    name: str = setting(
        "WISTRO_NAME", "this machine's name in the Hub, unlike any other's", platform.node()
    )
    data: Path = setting("WISTRO_DATA", "this process's own folder")
    run: Path = setting("WISTRO_RUN", "the machine's folder of sockets: short, its owner's alone")
    gateway_bind: str = setting("WISTRO_GATEWAY_BIND", "where webhooks come in", "127.0.0.1:8080")
    gateway_key: Path | None = setting(
        "WISTRO_GATEWAY_KEY",
        "the key file that seals the gateway's copy of the routing table; beside WISTRO_DATA by default",
        None,
    )
    endpoint_url: str = setting(
        "WISTRO_ENDPOINT_URL",
        "an environment's address, with {label}",
        "http://{label}.localhost:8080",
    )
    trusted_proxies: tuple[str, ...] = setting(
        "WISTRO_TRUSTED_PROXIES", "load balancers whose forwarding headers are believed", ()
    )
    trusted_networks: tuple[str, ...] = setting(
        "WISTRO_TRUSTED_NETWORKS",
        "networks that tenants' code may reach; refused in production",
        (),
    )
    extra_ca: Path | None = setting(
        "WISTRO_EXTRA_CA", "one more CA file; refused in production", None
    )
    stores: str = setting(
        "WISTRO_STORES",
        "a PostgreSQL that keeps environments' stores, a schema each; without it they are files in WISTRO_DATA",
        "",
    )
    untrusted: bool = setting(
        "WISTRO_UNTRUSTED", "1: refuse to start below the tier for untrusted code", False
    )
    sandbox: str = setting("WISTRO_SANDBOX", "required, degraded:<layer>,… or off", "required")
    blobs: str = setting(
        "WISTRO_BLOB_STORE",
        "s3://bucket/prefix?region=…&endpoint=… for payloads beside messages; empty: each environment's own folder",
        "",
    )
    blobs_credentials: str = setting(
        "WISTRO_BLOB_CREDENTIALS", "of that bucket: `<key id>:<secret>[:<session token>]`", ""
    )
    log_level: str = setting("WISTRO_LOG_LEVEL", "debug, info, warning or error", "info")

    @property
    def is_production(self) -> bool:
        return self.mode == "production"

    @property
    def gateway_address(self) -> tuple[str, int]:
        """Host and port to bind."""
        host, _, port = self.gateway_bind.rpartition(":")
        return host.strip("[]"), int(port)


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
    if not re.fullmatch(r".*:[0-9]{1,5}", settings.gateway_bind):
        raise BadSetting(f"WISTRO_GATEWAY_BIND is no host:port: {settings.gateway_bind!r}")
    if settings.is_production and (settings.trusted_networks or settings.extra_ca):
        raise BadSetting("WISTRO_TRUSTED_NETWORKS and WISTRO_EXTRA_CA are refused in production")
    return settings
