"""The peers of Node: BullMQ, Restate (its server comes from npm too) and Motia 0.17."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path

from bench.peers.peer import START_S, Peer, Run, Started, node, npm

BULLMQ_VERSION = "6.7.0"
RESTATE_VERSION = "1.7.12"
RESTATE_SDK = "1.17.2"
MOTIA_VERSION = "0.17.6-beta.187"
MOTIA_ENV = {"MOTIA_ANALYTICS_DISABLED": "true", "REDISMS_DISABLE_POSTINSTALL": "1", "CI": "1"}


def install_bullmq(home: Path) -> None:
    npm(home, {"bullmq": BULLMQ_VERSION, "ioredis": "5.8.2"}, "bullmq")
    node(home)


def start_bullmq(run: Run) -> Started:
    from infra.ports import free_ports

    (port,) = free_ports(1)
    env = {"BENCH_REDIS_PORT": str(run.valkey())}
    run.start([node(run.home), "server.mjs", str(port)], cwd=run.home, env=env)
    run.wait_port(port)
    return Started(port)


def install_restate(home: Path) -> None:
    npm(
        home,
        {"@restatedev/restate-server": RESTATE_VERSION, "@restatedev/restate-sdk": RESTATE_SDK},
        "restate",
    )
    node(home)


def start_restate(run: Run) -> Started:
    from infra.ports import free_ports

    services, ingress, admin, mesh = free_ports(4)
    run.start([node(run.home), "services.mjs", str(services)], cwd=run.home)
    run.wait_port(services)
    env = {
        "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{ingress}",
        "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{admin}",
        "RESTATE_BIND_ADDRESS": f"127.0.0.1:{mesh}",
        "RESTATE_ADVERTISED_ADDRESS": f"http://127.0.0.1:{mesh}",
        "RESTATE_LOG_FILTER": "warn",
        "DO_NOT_TRACK": "1",
    }
    binary = next(
        (run.home / "node_modules" / "@restatedev").glob("restate-server-*/bin/restate-server")
    )
    run.start([str(binary), "--base-dir", str(run.folder / "restate")], cwd=run.folder, env=env)
    run.wait_port(admin)
    _registered(run, f"http://127.0.0.1:{admin}/deployments", f"http://127.0.0.1:{services}")
    run.wait_port(ingress)
    return Started(ingress, "/a/run")


def _registered(run: Run, admin: str, services: str) -> None:
    body = json.dumps({"uri": services}).encode()
    request = urllib.request.Request(admin, body, {"content-type": "application/json"})
    until = time.monotonic() + START_S
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                answer.read()
            return
        except (urllib.error.URLError, OSError) as error:
            if time.monotonic() > until:
                raise SystemExit(f"Restate takes no services ({error}):\n{run.log()}") from None
            time.sleep(0.2)


def install_motia(home: Path) -> None:
    npm(
        home,
        {
            "motia": MOTIA_VERSION,
            "@motiadev/core": MOTIA_VERSION,
            "zod": "4.1.12",
            "typescript": "5.9.3",
        },
        "motia",
    )
    node(home)


def start_motia(run: Run) -> Started:
    from infra.ports import free_ports

    project = lay_motia(run)
    (port,) = free_ports(1)
    run.start(motia("start", run, port), cwd=project, env=MOTIA_ENV)
    run.wait_port(port)
    return Started(port)


def lay_motia(run: Run) -> Path:
    """Its project, with a Redis of this run."""
    project = run.folder / "project"
    shutil.copytree(
        run.home, project, symlinks=True, ignore=shutil.ignore_patterns("venv", "node_modules")
    )
    (project / "node_modules").symlink_to(run.home / "node_modules")
    settings = (
        f"redis: {{ useMemoryServer: false, host: '127.0.0.1', port: {run.valkey()} }}, plugins: []"
    )
    (project / "motia.config.ts").write_text(
        f"import {{ config }} from '@motiadev/core'\nexport default config({{ {settings} }})\n"
    )
    return project


def motia_port() -> int:
    """A free one that `motia dev` can use: it takes 21,678 above it too, and ends without a word where there is none."""
    while True:
        port = random.randrange(10_000, 30_000)  # below those that the system gives out
        with contextlib.suppress(OSError), socket.socket() as low, socket.socket() as high:
            low.bind(("127.0.0.1", port))
            high.bind(("127.0.0.1", port + 21_678))
            return port


def motia(command: str, run: Run, port: int) -> list[str]:
    binary = str(run.home / "node_modules" / ".bin" / "motia")
    return [binary, command, "--port", str(port), "--host", "127.0.0.1"]


BULLMQ = Peer("BullMQ + Redis", BULLMQ_VERSION, "no", install_bullmq, start_bullmq)
RESTATE = Peer("Restate", RESTATE_VERSION, "its log", install_restate, start_restate, rate=10)
MOTIA = Peer("Motia 0.17", MOTIA_VERSION, "no", install_motia, start_motia, connections=2, rate=2)
