"""A PostgreSQL of one's own, durable as in production: for what kills it, and for what measures it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psycopg

from infra import embedded
from infra.place import Place, Ports
from infra.ports import free_ports
from infra.settings import secrets_of

STARTED_WITHIN_S = 30.0


class Postgres:
    """A durable server of its own, on a socket; killed and started again by the test."""

    def __init__(self, folder: Path) -> None:
        self.place = Place(data=folder, ports=Ports(*free_ports(4)), durable=True)
        self._log = folder / "postgres.log"
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        return self.place.run / ".s.PGSQL.5432"

    @property
    def url(self) -> str:
        """Past every proxy: as somebody who looks at the tables."""
        return embedded.superuser(self.place, "postgres")

    def url_by(self, port: int) -> str:
        """By way of a TCP port that leads to the socket."""
        password = secrets_of(self.place)["postgres"]
        return f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"

    def start(self) -> None:
        self.place.make_folders()
        embedded.prepare_postgres(self.place)
        with self._log.open("ab") as log:
            self._popen = subprocess.Popen(
                embedded.postgres_command(self.place),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + STARTED_WITHIN_S
        while True:
            try:
                self.ask("SELECT 1")
                return
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def kill(self) -> None:
        assert self._popen is not None
        self._popen.send_signal(signal.SIGKILL)
        self._popen.wait(10)

    def stop(self) -> None:
        if self._popen is not None and self._popen.poll() is None:
            self._popen.send_signal(signal.SIGINT)  # a fast end
            self._popen.wait(30)
        shutil.rmtree(self.place.run, ignore_errors=True)

    def ask(self, text: Any, *values: Any, schema: str = "public") -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True, connect_timeout=2) as connection:
            connection.execute(f"SET search_path TO {schema}".encode())
            return connection.execute(text, values).fetchall()
