"""Where one whole wistro runs: its data folder, socket folder, ports and what it changes.

`make up` is one place, each journey test another; nothing else differs between them.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Ports:
    """What a person may have to reach, and Valkey's, which is loopback with a password."""

    hub: int = 8000
    machines: int = 8001
    gateway: int = 8080
    valkey: int = 16379

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Ports:
        """Read `WISTRO_PORT_HUB` and its like; what is not named keeps its default."""
        named = {name: environ.get(f"WISTRO_PORT_{name.upper()}") for name in cls.names()}
        return cls(**{name: int(port) for name, port in named.items() if port})

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(cls.__dataclass_fields__)


@dataclass(frozen=True)
class Place:
    """One data folder with everything that runs on it."""

    data: Path
    ports: Ports = field(default_factory=Ports)
    overrides: Mapping[str, str] = field(
        default_factory=dict
    )  # settings that differ from make up's
    root: Path = CHECKOUT
    python: str = sys.executable
    durable: bool = True  # False: PostgreSQL without fsync, for tests that do not kill it

    @property
    def key(self) -> str:
        """Eight letters that tell this place from every other on the machine."""
        return hashlib.sha256(os.fsencode(self.data.absolute())).hexdigest()[:8]

    @property
    def run(self) -> Path:
        """Sockets: a path to one holds at most 107 bytes, so they do not lie in the checkout."""
        parent = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
        if not Path(parent).is_dir():
            parent = tempfile.gettempdir()
        return Path(parent) / f"wistro-{os.getuid()}-{self.key}"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def outside_database(self) -> bool:
        return "DATABASE_URL" in self.overrides

    @property
    def outside_redis(self) -> bool:
        return "REDIS_URL" in self.overrides

    def make_folders(self) -> None:
        for folder in (self.data, self.run, self.logs):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if folder.stat().st_uid == os.getuid():
                folder.chmod(0o700)
