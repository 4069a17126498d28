"""Every setting of a running wistro and its value in a place; secrets are made once and kept 0600.

`python -m infra.settings` prints make up's as shell lines; `--compose` prints an .env for compose.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from infra.place import Place, Ports
from infra.terminal import Failed

ROLES = ("owner", "app", "ingest")
DATABASE_URLS = {
    "owner": "DATABASE_OWNER_URL",
    "app": "DATABASE_URL",
    "ingest": "DATABASE_INGEST_URL",
}

# Read where they are set and left out where they are not: each has its default in the code that reads it.
OPTIONAL = (
    "WISTRO_TRUSTED_NETWORKS",
    "WISTRO_TRUSTED_PROXIES",
    "WISTRO_EXTRA_CA",
    "WISTRO_GITHUB_URL",
    "WISTRO_GITHUB_API_URL",
    "WISTRO_GITHUB_APP",
    "WISTRO_EMAIL_URL",
    "WISTRO_EMAIL_FROM",
    "WISTRO_DATABASE_POOL",
    "WISTRO_START_LIMIT_S",
    "WISTRO_SCREENS",
    "WISTRO_LOG_LEVEL",
    "WISTRO_UNTRUSTED",
    "WISTRO_SANDBOX",
    "WISTRO_BLOB_STORE",
    "WISTRO_BLOB_CREDENTIALS",
)
REQUIRED = (
    *DATABASE_URLS.values(),
    "REDIS_URL",
    "WISTRO_MODE",
    "WISTRO_SECRET_KEY",
    "WISTRO_KEY_RING",
    "WISTRO_POOL_TOKEN",
    "WISTRO_HUB_URL",
    "WISTRO_MACHINES_URL",
    "WISTRO_ENDPOINT_URL",
    "WISTRO_GATEWAY_BIND",
    "WISTRO_BLOBS",
    "WISTRO_RUN",
)
KNOWN = frozenset(REQUIRED + OPTIONAL)


def make_up(environ: Mapping[str, str], *, data: Path | None = None) -> Place:
    """The place of `make up`: this checkout's `.data`, changed by what the caller's environment names."""
    place = Place(data=data or Place(Path()).root / ".data")
    overrides = {name: environ[name] for name in sorted(KNOWN) if environ.get(name)}
    given = [name for name in DATABASE_URLS.values() if name in overrides]
    if given and len(given) < len(DATABASE_URLS):
        missing = ", ".join(sorted(set(DATABASE_URLS.values()) - set(given)))
        raise Failed(
            f"{given[0]} is set but {missing} is not",
            "An outside PostgreSQL needs three roles: app, owner (BYPASSRLS) and ingest (BYPASSRLS).",
        )
    try:
        ports = Ports.from_environ(environ)
    except ValueError as error:
        raise Failed(f"a WISTRO_PORT_* is not a number: {error}") from None
    return Place(data=place.data, ports=ports, overrides=overrides)


def settings_of(place: Place) -> dict[str, str]:
    """Every setting that has a value in this place, by name."""
    if unknown := set(place.overrides) - KNOWN:
        raise ValueError(f"no such setting: {', '.join(sorted(unknown))}")
    kept = secrets_of(place)
    ports = place.ports
    values = {
        **{DATABASE_URLS[role]: database_url(place, role, kept) for role in ROLES},
        "REDIS_URL": f"redis://:{kept['valkey']}@127.0.0.1:{ports.valkey}/0",
        "WISTRO_MODE": "development",
        "WISTRO_SECRET_KEY": kept["secret_key"],
        "WISTRO_KEY_RING": kept["key_ring"],
        "WISTRO_POOL_TOKEN": kept["pool_token"],
        "WISTRO_HUB_URL": f"http://localhost:{ports.hub}",
        "WISTRO_MACHINES_URL": f"http://127.0.0.1:{ports.machines}",
        "WISTRO_ENDPOINT_URL": f"http://{{label}}.localhost:{ports.gateway}",
        "WISTRO_GATEWAY_BIND": f"127.0.0.1:{ports.gateway}",
        "WISTRO_BLOBS": str(place.data / "blobs"),
        "WISTRO_RUN": str(place.run),
    }
    return {**values, **place.overrides}


def database_url(place: Place, role: str, kept: Mapping[str, str], database: str = "wistro") -> str:
    """A libpq URL over the unix socket: no port of the machine is used, and none can be taken."""
    user = "postgres" if role == "postgres" else f"wistro_{role}"
    host = quote(str(place.run), safe="/")
    return f"postgresql://{user}:{kept[role]}@/{database}?host={host}&port=5432"


def secrets_of(place: Place) -> dict[str, str]:
    """This place's secrets, made on first use; a name that is new in this release is added."""
    path = place.data / "secrets.json"
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    made = new_secrets()
    if set(made) <= set(kept):
        return kept
    place.make_folders()
    kept = {**made, **kept}
    partial = path.with_suffix(".partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(kept, file, indent=1)
    partial.replace(path)
    return kept


def new_secrets() -> dict[str, str]:
    passwords = {name: secrets.token_hex(16) for name in ("postgres", "valkey", *ROLES)}
    return {
        **passwords,
        "secret_key": secrets.token_urlsafe(48),
        "key_ring": "1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "pool_token": "wsp_" + secrets.token_urlsafe(32),
    }


def compose_env() -> str:
    """The secrets that docker-compose.yml asks for, newly made."""
    made = new_secrets()
    names = {f"WISTRO_{role.upper()}_PASSWORD": made[role] for role in ("postgres", *ROLES)}
    names |= {
        "WISTRO_REDIS_PASSWORD": made["valkey"],
        "WISTRO_SECRET_KEY": made["secret_key"],
        "WISTRO_KEY_RING": made["key_ring"],
        "WISTRO_POOL_TOKEN": made["pool_token"],
    }
    return "".join(f"{name}={value}\n" for name, value in names.items())


def main(arguments: list[str]) -> None:
    if arguments == ["--compose"]:
        print(compose_env(), end="")
        return
    for name, value in settings_of(make_up(os.environ)).items():
        print(f"export {name}={shlex.quote(value)}")


if __name__ == "__main__":
    main(sys.argv[1:])
