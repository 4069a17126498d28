"""docker-compose.yml from the table of processes, with real PostgreSQL and Redis beside our images.

Secrets come from an .env: `python -m infra.settings --compose > .env`.
"""

from __future__ import annotations

from typing import Any

import yaml

from infra.processes import PROCESSES, Process
from infra.settings import ROLES

HEAD = """\
# Written by `python -m infra.processes --write`; edit infra/processes.py or infra/compose.py.
# First: python3 -m infra.settings --compose > .env ; then: docker compose up --build
# For the world: also WISTRO_MODE=production, WISTRO_HUB_URL=https://…, WISTRO_ENDPOINT_URL and WISTRO_EMAIL_URL.
"""
PORTS = {"hub": 8000, "machines": 8001, "gateway": 8080, "valkey": 6379}
PUBLISHED = {"web": "hub", "gateway": "gateway"}
DEFAULTS = {
    "WISTRO_MODE": "development",
    "WISTRO_HUB_URL": "http://localhost:8000",
}
SECRETS = ("WISTRO_SECRET_KEY", "WISTRO_KEY_RING", "WISTRO_POOL_TOKEN")
# The engine's and the gateway's folders must be seen by both, for their unix sockets.
FLEET_RUN = "/run/wistro"
# bubblewrap makes user and network namespaces, which the default profiles forbid, and mounts a /proc,
# which the kernel refuses while the container's own is masked (github.com/containers/bubblewrap/issues/284).
NESTED_SANDBOX = ["seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined"]


def compose() -> str:
    services = {process.name: service(process) for process in PROCESSES}
    volumes = {name: {} for name in ("postgres", "valkey", "blobs", "beat", "run")}
    volumes |= {process.name: {} for process in PROCESSES if process.own_folder}
    whole = {"name": "wistro", "services": services, "volumes": dict(sorted(volumes.items()))}
    return HEAD + yaml.safe_dump(whole, sort_keys=False, width=100)


def service(process: Process) -> dict[str, Any]:
    if process.name == "postgres":
        return _postgres(process)
    if process.name == "valkey":
        return _redis(process)
    entry: dict[str, Any] = {
        "build": {"context": ".", "dockerfile": f"infra/docker/{process.image}.Dockerfile"},
        "image": f"wistro-{process.image}",
        "command": process.command(python="python", bind="0.0.0.0", data="/data", ports=PORTS),  # noqa: S104
        "init": True,  # reaps what engines and builds leave behind
        "restart": "no" if process.once else "always",
        "environment": _environment(process),
        "depends_on": {name: {"condition": _condition(name)} for name in process.needs},
    }
    if process.name in PUBLISHED:
        port = PORTS[PUBLISHED[process.name]]
        entry["ports"] = [f"127.0.0.1:{port}:{port}"]
    if volumes := _volumes(process):
        entry["volumes"] = volumes
    if process.own_folder:
        entry["hostname"] = process.name  # a machine's name in the Hub, kept when it is made again
    if process.name in ("agent", "builder"):
        entry["security_opt"] = NESTED_SANDBOX
    return entry


def _environment(process: Process) -> dict[str, str | None]:
    values: dict[str, str | None] = {name: _value(name) for name in process.settings}
    if process.own_folder:
        # Below the volume: it is made 0700 by its process, and its key lies beside it.
        values["WISTRO_DATA"] = f"/data/{process.name}"
    return values


def _value(name: str) -> str | None:
    """What compose puts there; None hands on the caller's own, and leaves it out where there is none."""
    roles = {"DATABASE_URL": "app", "DATABASE_OWNER_URL": "owner", "DATABASE_INGEST_URL": "ingest"}
    if name in roles:
        password = f"${{WISTRO_{roles[name].upper()}_PASSWORD:?}}"
        return f"postgresql://wistro_{roles[name]}:{password}@postgres:5432/wistro"
    fixed = {
        "REDIS_URL": "redis://:${WISTRO_REDIS_PASSWORD:?}@valkey:6379/0",
        "WISTRO_MACHINES_URL": "http://machines:8001",
        "WISTRO_GATEWAY_BIND": "0.0.0.0:8080",
        "WISTRO_BLOBS": "/blobs",
        "WISTRO_RUN": FLEET_RUN,
    }
    if name in fixed:
        return fixed[name]
    if name in SECRETS:
        return f"${{{name}:?}}"
    return f"${{{name}:-{DEFAULTS[name]}}}" if name in DEFAULTS else None


def _condition(name: str) -> str:
    needed = next(process for process in PROCESSES if process.name == name)
    if needed.once:
        return "service_completed_successfully"
    return "service_healthy" if needed.name in ("postgres", "valkey") else "service_started"


def _volumes(process: Process) -> list[str]:
    found = [f"{process.name}:/data"] if process.own_folder else []
    if process.name == "beat":
        found.append("beat:/data")
    if "WISTRO_BLOBS" in process.settings:
        found.append("blobs:/blobs")
    if "WISTRO_RUN" in process.settings:
        found.append(f"run:{FLEET_RUN}")
    return found


def _postgres(process: Process) -> dict[str, Any]:
    passwords = {
        f"WISTRO_{role.upper()}_PASSWORD": f"${{WISTRO_{role.upper()}_PASSWORD:?}}"
        for role in ROLES
    }
    return {
        "image": process.image,
        "restart": "always",
        "environment": {"POSTGRES_PASSWORD": "${WISTRO_POSTGRES_PASSWORD:?}", **passwords},
        "volumes": [
            "postgres:/var/lib/postgresql",
            "./infra/docker/roles.sh:/docker-entrypoint-initdb.d/roles.sh:ro",
        ],
        "healthcheck": _health("pg_isready -U postgres -d wistro"),
    }


def _redis(process: Process) -> dict[str, Any]:
    return {
        "image": process.image,
        "restart": "always",
        "environment": {"REDISCLI_AUTH": "${WISTRO_REDIS_PASSWORD:?}"},
        "command": [
            "sh",
            "-c",
            'exec redis-server --appendonly yes --requirepass "$$REDISCLI_AUTH"',
        ],
        "volumes": ["valkey:/data"],
        "healthcheck": _health("redis-cli ping | grep -q PONG"),
    }


def _health(test: str) -> dict[str, Any]:
    return {"test": ["CMD-SHELL", test], "interval": "2s", "timeout": "3s", "retries": 30}
