"""One agent between a machine API's double and a real gateway, with projects to run."""

from __future__ import annotations

import asyncio
import base64
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from runner.gateway.caller import Domain, Proxies
from runner.gateway.engines import Engines
from runner.gateway.gateway import Gateway
from runner.paths import control_socket
from tests.doubles.caller import Caller
from tests.doubles.engine_door import real_now_us
from tests.doubles.fleet_api import LIMIT_S, FleetApi
from tests.factories.auth import a_verifier
from tests.factories.routing import (
    ENVIRONMENT,
    KEY,
    LABEL,
    a_deployment,
    a_table,
    an_endpoint,
    an_environment,
    deployment_id,
)
from tests.factories.versions import a_bundle, write
from wistro.http.server import Server
from wistro.protocol.ids import new_id
from wistro.protocol.machine import AssignedDeployment, Assignment

ROOT = Path(__file__).parents[4]
SECRET = "sk_live_do-not-tell-1234"
ORDER = """
config = {"type": "api", "name": "Order", "method": "POST", "path": "/orders", "public": True,
          "emits": ["order.placed"], "flows": ["orders"]}

async def handler(req, ctx):
    ctx.logger.info("order taken", {"key": ctx.env["PAY_KEY"]})
    await ctx.emit({"topic": "order.placed", "data": {"item": req.body["item"]}})
    return {"status": 200, "body": {"version": VERSION}}
"""
SHIP = """
config = {"type": "event", "name": "Ship", "subscribes": ["order.placed"], "emits": [], "flows": ["orders"]}

async def handler(input, ctx):
    ctx.logger.info(f"shipped {input['item']}")
"""
YML = "name: shop\nenv: [PAY_KEY]\n"


def a_project(version: int = 1) -> dict[str, str]:
    return {
        "wistro.yml": YML,
        "src/order.step.py": ORDER.replace("VERSION", str(version)),
        "src/ship.step.py": SHIP,
    }


class Machine:
    """An agent's process, its folders, and what stands on either side of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.api = FleetApi()
        self.agent: asyncio.subprocess.Process | None = None
        self.engines = Engines(folder / "run")
        self.gateway = Gateway(
            domain=Domain("http://{label}.localhost:8080"),
            proxies=Proxies([]),
            engines=self.engines,
            verifier=a_verifier(),
            new_id=new_id,
            now_us=real_now_us,
        )
        self.server = Server(self.gateway.handle)
        self.port = 0
        self.engine_pids: set[int] = set()

    @property
    def data(self) -> Path:
        return self.folder / "agent"

    @property
    def spool(self) -> Path:
        return self.data / "environments" / ENVIRONMENT / "spool"

    async def start(self) -> None:
        await self.api.start()
        self.port = await self.server.listen_tcp("127.0.0.1", 0)

    async def start_agent(self, **settings: str) -> None:
        env = {
            "PATH": os.environ["PATH"],
            "WISTRO_DATA": str(self.data),
            "WISTRO_RUN": str(self.folder / "run"),
            "WISTRO_MACHINES_URL": f"http://127.0.0.1:{self.api.port}",
            "WISTRO_POOL_TOKEN": "pool-token-of-the-hub",
            "WISTRO_NAME": "here",
        }
        with (self.folder / "agent.log").open("ab") as log:
            self.agent = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "runner.agent"),
                cwd=ROOT,
                env=env | settings,
                stderr=log,
                stdout=log,
            )

    async def end_agent(self, number: int = signal.SIGTERM) -> int:
        assert self.agent is not None
        if self.agent.returncode is None:
            self.agent.send_signal(number)
        return await asyncio.wait_for(self.agent.wait(), LIMIT_S)

    def bundle(self, files: dict[str, str], **more: Any) -> str:
        root = Path(tempfile.mkdtemp(dir=self.folder))
        write(root, files)
        return a_bundle(self.api, root, **more)

    def assigned(self, bundle: str, *, version: int = 1, **more: Any) -> AssignedDeployment:
        given = {"weight": 10_000, "want": "serve", "variables": {"PAY_KEY": SECRET}}
        given |= {"secrets": ["PAY_KEY"], "revision": 1} | more
        id = deployment_id(version)
        return AssignedDeployment(id, f"version-{version}", version, bundle=bundle, **given)

    def assign(
        self, *deployments: AssignedDeployment, fence: int = 1, path: str = "/orders"
    ) -> None:
        """To the agent, and to the gateway: those with weight."""
        key = base64.b64encode(KEY).decode()
        primary = deployments[0].deployment_id if deployments else None
        self.api.assign(Assignment(ENVIRONMENT, "org", fence, key, list(deployments), primary))
        routed = [
            a_deployment(one.version, weight=one.weight, endpoints=[an_endpoint(path)])
            for one in deployments
            if one.weight
        ]
        serial = self.api.assignments.serial
        self.gateway.apply(a_table(an_environment(*routed, generation=serial), serial=serial))

    async def call(self, path: str = "/orders", body: Any = None) -> tuple[int, Any]:
        caller = await Caller.open(self.port)
        try:
            status, _, answer = await caller.ask(
                path,
                host=f"{LABEL}.localhost",
                headers=(("content-type", "application/json"),),
                body=msgspec.json.encode(body or {"item": "tea"}),
            )
        finally:
            caller.close()
        return status, msgspec.json.decode(answer) if answer else None

    async def engine_pid(self) -> int:
        """The process that holds the control socket, which the kernel knows."""
        reader, writer = await asyncio.open_unix_connection(
            str(control_socket(self.folder / "run", ENVIRONMENT))
        )

        peer = writer.get_extra_info("socket")
        pid = int.from_bytes(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 4), "little")
        writer.close()
        del reader
        return pid

    def said(self) -> str:
        return (self.folder / "agent.log").read_text()

    def wait_said(self, text: str) -> None:
        """Until a process of it logs this (called in a thread: nothing tells of a file's growth)."""
        until = time.monotonic() + LIMIT_S
        while text not in self.said():
            assert time.monotonic() < until, f"nobody said {text!r}: {self.said()}"
            time.sleep(0.02)

    def kill(self, pid: int) -> None:
        """-9, and until it is dead: what is sent meanwhile would be lost with it."""
        os.kill(pid, signal.SIGKILL)
        self.wait_gone(pid)

    def wait_gone(self, pid: int) -> None:
        """Until a process is dead, reaped or not."""
        poll = select.poll()
        try:
            poll.register(descriptor := os.pidfd_open(pid), select.POLLIN)
        except ProcessLookupError:
            return
        try:
            assert poll.poll(LIMIT_S * 1000), f"{pid} lives on: {self.said()}"
        finally:
            os.close(descriptor)

    async def close(self) -> None:
        if self.agent is not None:
            await self.end_agent(signal.SIGKILL)
        for pid in _engines_of(self.data):
            os.kill(pid, signal.SIGKILL)
        await self.server.close()
        self.engines.close()
        await self.api.stop()


def _engines_of(data: Path) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                environ = (folder / "environ").read_bytes()
                argv = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if f"WISTRO_DATA={data}/".encode() in environ and b"runner.agent.engine" in argv:
                found.append(int(folder.name))
    return found


@pytest.fixture
async def machine() -> AsyncIterator[Machine]:
    folder = Path(tempfile.mkdtemp(prefix="w-"))
    machine = Machine(folder)
    await machine.start()
    yield machine
    await machine.close()
    shutil.rmtree(folder, ignore_errors=True)
