"""Django's DATABASES from our URLs (libpq's own form): `default` the app role, `owner`, `ingest`."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from hub.common.settings import BadSetting, Settings


def databases(settings: Settings) -> dict[str, Any]:
    """Only those that this process was given: the web server never sees the owner's password."""
    urls = {
        "default": settings.database_url,
        "owner": settings.database_owner_url,
        "ingest": settings.database_ingest_url,
    }
    found = {alias: database(url, alias) for alias, url in urls.items() if url}
    for alias in ("default", "ingest"):
        if settings.database_pool and alias in found:
            found[alias]["OPTIONS"]["pool"] = {
                "min_size": 1,
                "max_size": settings.database_pool,
                "timeout": 10,
            }
    return found


def database(url: str, alias: str) -> dict[str, Any]:
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise BadSetting(f"The database URL of `{alias}` cannot be read: {error}") from error
    return {
        "ENGINE": "django.db.backends.postgresql",
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": str(parts.pop("port", "")),
        "NAME": parts.pop("dbname", ""),
        "ATOMIC_REQUESTS": alias == "default",
        "CONN_HEALTH_CHECKS": False,
        "OPTIONS": {"connect_timeout": 10, **parts},
    }
