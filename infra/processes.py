"""The one table of processes; the Procfile and docker-compose.yml are written from it.

`python -m infra.processes --write` writes both files; a test compares them with the table.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from infra.place import Place
from infra.settings import settings_of

Ready = Literal["postgres", "valkey", "http", "started"]

HUB = (
    "DATABASE_URL",
    "REDIS_URL",
    "WISTRO_MODE",
    "WISTRO_SECRET_KEY",
    "WISTRO_KEY_RING",
    "WISTRO_POOL_TOKEN",
    "WISTRO_HUB_URL",
    "WISTRO_MACHINES_URL",
    "WISTRO_ENDPOINT_URL",
    "WISTRO_BLOBS",
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
)
FLEET = (
    "WISTRO_MODE",
    "WISTRO_MACHINES_URL",
    "WISTRO_POOL_TOKEN",
    "WISTRO_RUN",
    "WISTRO_TRUSTED_NETWORKS",
    "WISTRO_EXTRA_CA",
    "WISTRO_UNTRUSTED",
    "WISTRO_SANDBOX",
    "WISTRO_BLOB_STORE",
    "WISTRO_BLOB_CREDENTIALS",
    "WISTRO_LOG_LEVEL",
)


@dataclass(frozen=True)
class Process:
    """One process: what it runs, what it waits for, and which settings it may see."""

    name: str
    argv: str  # words apart by spaces; {python}, {bind}, {data} and {<port>_port} are the place's
    module: str  # what must be importable for it to run
    about: str
    needs: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()  # no process sees a setting that it does not name
    port: str | None = None  # a name of Ports
    ready: Ready = "started"
    stop: signal.Signals = signal.SIGTERM
    once: bool = False  # runs to its end before those that need it start
    own_folder: bool = False  # gets WISTRO_DATA, a folder of its own
    group_dies_with_it: bool = (
        True  # False: its children outlive it and are adopted by its successor
    )
    image: str = "hub"

    def command(
        self, *, python: str, bind: str, data: str, ports: Mapping[str, int | str]
    ) -> list[str]:
        """Its argv with the place's values in it."""
        values = {f"{name}_port": port for name, port in ports.items()}
        return [
            part.format(python=python, bind=bind, data=data, **values) for part in self.argv.split()
        ]


PROCESSES = (
    Process(
        "postgres",
        "{python} -m infra.embedded postgres",
        module="infra.embedded",
        about="the database; it is the queue too",
        ready="postgres",
        stop=signal.SIGINT,  # "fast": ends sessions; SIGTERM would wait for every client to leave
        image="postgres:18",
    ),
    Process(
        "valkey",
        "{python} -m infra.embedded valkey",
        module="infra.embedded",
        about="hints for Celery and the live socket; holds no truth",
        port="valkey",
        ready="valkey",
        image="redis:8",
    ),
    Process(
        "migrate",
        "{python} manage.py migrate --no-input",
        module="hub.settings",
        about="brings the tables up to date, as the owner",
        needs=("postgres",),
        settings=(*HUB, "DATABASE_OWNER_URL", "DATABASE_INGEST_URL"),
        once=True,
    ),
    Process(
        "web",
        "{python} -m hub.server -b {bind} -p {hub_port} hub.asgi:application",
        module="hub.asgi",
        about="pages, API and live sockets",
        needs=("migrate", "valkey"),
        settings=HUB,
        port="hub",
        ready="http",
    ),
    Process(
        "machines",
        "{python} -m granian --interface wsgi --host {bind} --port {machines_port} "
        "--no-ws hub.machines:application",
        module="hub.machines",
        about="what the fleet speaks to: records, polling, builds",
        needs=("migrate", "valkey"),
        settings=(*HUB, "DATABASE_INGEST_URL"),
        port="machines",
        ready="http",
    ),
    Process(
        "worker",
        "{python} -m celery -A hub.celery worker --loglevel INFO --concurrency 2 "
        "--without-mingle --without-gossip",
        module="hub.celery",
        about="works off rows: webhooks, builds handed out, partitions",
        needs=("migrate", "valkey"),
        settings=(*HUB, "DATABASE_OWNER_URL"),  # the partition task
    ),
    Process(
        "beat",
        "{python} -m celery -A hub.celery beat --loglevel INFO --pidfile= --schedule "
        "{data}/beat-schedule",
        module="hub.celery",
        about="hands out what was left over, on time",
        needs=("migrate", "valkey"),
        settings=HUB,
    ),
    Process(
        "gateway",
        "{python} -m runner.gateway",
        module="runner.gateway",
        about="webhooks in: verify, draw, hand to an engine",
        needs=("machines",),
        settings=(*FLEET, "WISTRO_GATEWAY_BIND", "WISTRO_ENDPOINT_URL", "WISTRO_TRUSTED_PROXIES"),
        port="gateway",
        ready="http",
        own_folder=True,
        image="runner",
    ),
    Process(
        "agent",
        "{python} -m runner.agent",
        module="runner.agent",
        about="starts engines for the environments placed on this machine",
        needs=("machines",),
        settings=FLEET,
        own_folder=True,
        group_dies_with_it=False,
        image="runner",
    ),
    Process(
        "builder",
        "{python} -m runner.builder",
        module="runner.builder",
        about="commit -> lock and bundle, in the sandbox",
        needs=("machines",),
        settings=FLEET,
        own_folder=True,
        image="runner",
    ),
)
BY_NAME = {process.name: process for process in PROCESSES}

# The caller's own environment reaches every process, but never settings it was not given.
_OURS = ("WISTRO_", "DATABASE_", "REDIS_URL", "DJANGO_", "PG", "PYTHON", "MAKE", "MFLAGS")


def environment(process: Process, place: Place) -> dict[str, str]:
    """What this process sees: the machine's environment and the settings it names."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    values = settings_of(place)
    named = {name: values[name] for name in process.settings if name in values}
    own = {"WISTRO_UP": place.key, "PYTHONUNBUFFERED": "1"}
    if process.own_folder:
        own["WISTRO_DATA"] = str(place.data / process.name)
    if process.module == "infra.embedded":
        own["WISTRO_PLACE"] = str(place.data)
        own["WISTRO_PORT_VALKEY"] = str(place.ports.valkey)
        own["WISTRO_DURABLE"] = "1" if place.durable else "0"
    return {**inherited, **named, **own}


def command(process: Process, place: Place) -> list[str]:
    ports = {name: getattr(place.ports, name) for name in place.ports.names()}
    return process.command(python=place.python, bind="127.0.0.1", data=str(place.data), ports=ports)


def here(place: Place) -> list[Process]:
    """The processes that this place starts itself: what it was given from outside is left out."""
    given = {"postgres": place.outside_database, "valkey": place.outside_redis}
    return [process for process in PROCESSES if not given.get(process.name)]


def procfile() -> str:
    """Every process in a line, for any Procfile runner (settings: `python -m infra.settings`)."""
    lines = ["# Written by `python -m infra.processes --write`; edit the table there.\n"]
    defaults = {
        name: f"${{WISTRO_PORT_{name.upper()}:-{port}}}" for name, port in vars(_PORTS).items()
    }
    for process in PROCESSES:
        if not process.once:
            argv = process.command(
                python=".venv/bin/python", bind="127.0.0.1", data=".data", ports=defaults
            )
            lines.append(f"{process.name}: {' '.join(argv)}\n")
    return "".join(lines)


_PORTS = Place.__dataclass_fields__["ports"].default_factory()  # type: ignore[misc]


def files() -> dict[str, str]:
    from infra.compose import compose

    return {"Procfile": procfile(), "docker-compose.yml": compose()}


def main(arguments: list[str]) -> int:
    root = Place.__dataclass_fields__["root"].default
    if arguments == ["--write"]:
        for name, text in files().items():
            (root / name).write_text(text)
        return 0
    for process in PROCESSES:
        print(f"{process.name:10} {process.about}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
