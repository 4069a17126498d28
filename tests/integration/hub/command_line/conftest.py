"""`wistro` as people run it, a process of its own, against the real Hub under daphne."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from infra.ports import free_ports
from tests.integration.hub import place

ROOT = Path(__file__).parents[4]
LIMIT_S = 60.0


@pytest.fixture(scope="session")
def hub_address(django_db_setup: None) -> Iterator[str]:
    port = free_ports(1)[0]
    address = f"http://localhost:{port}"
    log = place.PLACE.data / "daphne.log"
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WISTRO_", "DATABASE_", "REDIS_"))
    }
    env |= place.ENVIRONMENT | {"WISTRO_HUB_URL": address, "DJANGO_SETTINGS_MODULE": "hub.settings"}
    argv = [
        sys.executable,
        "-m",
        "hub.server",
        "-b",
        "127.0.0.1",
        "-p",
        str(port),
        "hub.asgi:application",
    ]
    with log.open("wb") as said:
        running = subprocess.Popen(argv, env=env, cwd=ROOT, stdout=said, stderr=said)
    try:
        _await(port, running, log)
        yield address
    finally:
        running.terminate()
        try:
            running.wait(10)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait(10)


def _await(port: int, running: subprocess.Popen, log: Path) -> bytes:
    end = time.monotonic() + LIMIT_S
    while True:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as asked:
                asked.request("GET", "/api/v1/health")
                return asked.getresponse().read()
        except OSError:
            if running.poll() is not None or time.monotonic() > end:
                raise AssertionError(log.read_text()) from None
            time.sleep(0.05)  # a server that starts tells nobody when it is ready


@dataclass
class Said:
    code: int
    out: str
    err: str


@dataclass
class Terminal:
    """Runs `wistro` in a folder with a home of its own; nothing of the tester's environment leaks in."""

    folder: Path
    home: Path
    hub: str
    env: dict[str, str] = field(default_factory=dict)

    def start(
        self,
        *arguments: str,
        stdin: int | None = subprocess.DEVNULL,
        stderr: int | None = subprocess.PIPE,
        preexec_fn: Callable[[], object] | None = None,
    ) -> subprocess.Popen[str]:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "PYTHONPATH": str(ROOT),
            "WISTRO_HUB_URL": self.hub,
            "LC_ALL": "C.UTF-8",
        }

        def prepare() -> None:
            # a test run in the background has SIGINT ignored, and its children would inherit that
            signal.signal(signal.SIGINT, signal.default_int_handler)
            if preexec_fn is not None:
                preexec_fn()

        return subprocess.Popen(
            [sys.executable, "-m", "wistro.cli", *arguments],
            cwd=self.folder,
            env=env | self.env,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            preexec_fn=prepare,
            start_new_session=preexec_fn is not None,
        )

    def __call__(self, *arguments: str, stdin: str | None = None) -> Said:
        running = self.start(*arguments, stdin=subprocess.PIPE)
        try:
            out, err = running.communicate(stdin or "", timeout=LIMIT_S)
        finally:
            running.kill()
        return Said(running.returncode, out, err)


@pytest.fixture
def terminal(tmp_path: Path, hub_address: str) -> Terminal:
    (tmp_path / "home").mkdir()
    (tmp_path / "shop").mkdir()
    return Terminal(tmp_path / "shop", tmp_path / "home", hub_address)


@pytest.fixture
def wistro(terminal: Terminal) -> Callable[..., Said]:
    return terminal
