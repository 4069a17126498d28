"""`wistro start` as a process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from pathlib import Path

import pytest

from infra.ports import free_ports
from tests.integration.wistro.running import Running, a_project, a_template, ask, run, wistro
from wistro.compiler import compile_project
from wistro.languages.node import tools
from wistro.lock import file

ENDPOINT = """
config = {"type": "api", "name": "Order", "method": "POST", "path": "/orders/:shop", "public": True,
          "flows": ["orders"], "emits": [],
          "bodySchema": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}}}

async def handler(req, ctx):
    return {"status": 200, "body": {"sku": req.body["sku"]}}
"""
JAVASCRIPT = """
export const config = {type: 'api', name: 'Pay', method: 'POST', path: '/pay', public: true, flows: ['orders'], emits: []};
export const handler = async () => ({status: 200, body: {}});
"""
SLOW = """
import asyncio
config = {"type": "api", "name": "Slow", "method": "POST", "path": "/slow", "public": True, "flows": ["f"], "emits": []}

async def handler(req, ctx):
    ctx.logger.info("begun")
    await asyncio.sleep(1)
    return {"status": 200, "body": {"done": True}}
"""


def locked(root: Path) -> Path:
    compiled = compile_project(root)
    assert compiled.lock is not None, compiled.problems
    (root / file.NAME).write_bytes(file.write(compiled.lock))
    return root


async def serving(running: Running) -> dict:
    return json.loads(await running.line('"serving"'))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return locked(a_template(tmp_path / "shop"))


async def test_a_locked_project_is_served_and_says_what(project: Path) -> None:
    (port,) = free_ports(1)

    async with wistro("start", "--port", str(port), folder=project) as running:
        told = await serving(running)
        answer = await ask(port, "POST", "/greetings", {"name": "Ada"})
        kept = json.loads(await running.line("greeting kept"))

    assert told["url"] == f"http://127.0.0.1:{port}"
    assert told["steps"] == [f"src/greetings/{one}" for one in ("greet", "keep", "report")]
    assert answer.status == 202 and answer.json["id"].startswith("run_")
    assert kept["fields"] == {"text": "Hello, Ada!"} and kept["run"] == answer.json["id"]


async def test_there_are_no_screens_unless_asked_for(project: Path) -> None:
    port, ui_port = free_ports(2)

    async with wistro(
        "start", "--port", str(port), "--ui-port", str(ui_port), folder=project
    ) as running:
        await serving(running)
        with pytest.raises(ConnectionRefusedError):
            await ask(ui_port, "GET", "/")


async def test_the_screens_are_served_when_asked_for(project: Path) -> None:
    port, ui_port = free_ports(2)
    arguments = ("start", "--port", str(port), "--ui", "--ui-port", str(ui_port))

    async with wistro(*arguments, folder=project) as running:
        address = (await running.line("screens")).split()[-1]
        await serving(running)
        token = {"authorization": f"Bearer {address.partition('token=')[2]}"}
        graph = await ask(ui_port, "GET", "/api/v1/graph", headers=token)

    assert graph.json["nodes"][0]["id"] == "src/greetings/greet"


async def test_nothing_is_served_without_a_lock(tmp_path: Path) -> None:
    code, said = await run("start", folder=a_template(tmp_path / "shop"))

    assert code == 1
    assert "lock.missing" in said and "Run `wistro lock`" in said


async def test_a_step_that_is_not_the_locks_is_refused(project: Path) -> None:
    step = project / "src/greetings/keep.step.py"
    step.write_text(step.read_text() + "\n# edited\n")

    code, said = await run("start", folder=project)

    assert code == 1
    assert "lock.changed-step" in said and "src/greetings/keep" in said


async def test_variables_without_a_value_are_named(tmp_path: Path) -> None:
    root = a_template(tmp_path / "shop")
    (root / "wistro.yml").write_text("env: [STOCK_KEY, {name: CURRENCY, default: EUR}]\n")
    locked(root)

    code, said = await run("start", folder=root)

    assert code == 1
    assert "env.missing" in said and "STOCK_KEY" in said and "CURRENCY" not in said


async def test_values_come_from_the_process_before_the_env_file(tmp_path: Path) -> None:
    step = """
config = {"type": "api", "name": "Say", "method": "GET", "path": "/say", "public": True, "flows": ["f"], "emits": []}

async def handler(req, ctx):
    return {"status": 200, "body": dict(ctx.env)}
"""
    env = "env: [IN_FILE, IN_BOTH, {name: DEFAULTED, default: d}]\n"
    root = a_project(tmp_path / "p", {"src/say.step.py": step, "wistro.yml": env})
    (root / ".env").write_text("IN_FILE=from-file\nIN_BOTH=from-file\nNOT_DECLARED=x\n")
    locked(root)
    (port,) = free_ports(1)
    environ = {**os.environ, "IN_BOTH": "from-process"}

    async with wistro("start", "--port", str(port), folder=root, env=environ) as running:
        await serving(running)
        answer = await ask(port, "GET", "/say")

    assert answer.json == {"IN_FILE": "from-file", "IN_BOTH": "from-process", "DEFAULTED": "d"}


async def test_a_taken_port_is_said_in_one_line_with_a_free_one(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = await run("start", "--port", str(port), folder=project)

    assert code == 1
    assert f"error: port {port} is taken" in said and "port.taken" in said
    free = int(said.split("--port ")[1].split()[0])
    assert free > port


async def test_without_any_toolchain_all_is_listed_and_refused_in_order(tmp_path: Path) -> None:
    root = a_project(
        tmp_path / "shop",
        {
            "src/order.step.py": ENDPOINT,
            "src/pay.step.mjs": JAVASCRIPT,
            "wistro.yml": "name: shop\n",
        },
    )
    tools.esbuild(root)
    compiled = compile_project(root)
    assert compiled.lock is not None, compiled.problems
    # What `runtimes` would have locked on a machine that has these versions.
    compiled.lock.runtimes = {"python": "3.99", "node": "99"}
    (root / file.NAME).write_bytes(file.write(compiled.lock))
    (port,) = free_ports(1)
    bare = {"PATH": "", "HOME": os.environ.get("HOME", "/")}

    async with wistro("start", "--port", str(port), folder=root, env=bare) as running:
        told = await serving(running)
        answers = {
            "unknown path": await ask(port, "POST", "/nowhere", {}),
            "wrong method": await ask(port, "GET", "/orders/berlin"),
            "unfit body": await ask(port, "POST", "/orders/berlin", {"sku": 1}),
            "no python": await ask(port, "POST", "/orders/berlin", {"sku": "tea"}),
            "no node": await ask(port, "POST", "/pay", {}),
        }

    assert told["steps"] == ["src/order", "src/pay"]
    statuses = {what: one.status for what, one in answers.items()}
    assert statuses == {
        "unknown path": 404,
        "wrong method": 405,
        "unfit body": 422,
        "no python": 503,
        "no node": 503,
    }
    assert answers["wrong method"].headers["allow"] == "POST"
    assert answers["no python"].headers["retry-after"] == "1"


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
async def test_a_call_in_flight_is_answered_before_the_end(tmp_path: Path, by: int) -> None:
    root = locked(a_project(tmp_path / "p", {"src/slow.step.py": SLOW}))
    (port,) = free_ports(1)

    async with wistro("start", "--port", str(port), folder=root) as running:
        await serving(running)
        call = asyncio.create_task(ask(port, "POST", "/slow", {}))
        await running.line("begun")
        code = await running.end(by)
        answer = await call

    assert (answer.status, answer.json) == (200, {"done": True})
    assert code == 0
    assert "every call was answered" in running.text


async def test_while_it_ends_new_calls_are_told_to_come_again(tmp_path: Path) -> None:
    root = locked(a_project(tmp_path / "p", {"src/slow.step.py": SLOW}))
    (port,) = free_ports(1)

    async with wistro("start", "--port", str(port), folder=root) as running:
        await serving(running)
        before = [await ask(port, "GET", f"/_wistro/{one}") for one in ("health", "ready")]
        call = asyncio.create_task(ask(port, "POST", "/slow", {}))
        await running.line("begun")
        running.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            while (ready := await ask(port, "GET", "/_wistro/ready")).status == 200:
                pass
        late = await ask(port, "POST", "/slow", {})
        health = await ask(port, "GET", "/_wistro/health")
        answer = await call

    digest = file.read(root / file.NAME).digest
    assert [one.json for one in before] == [{"status": "ok"}, {"ready": True, "lock": digest}]
    assert (ready.status, ready.json["ready"], ready.headers["retry-after"]) == (503, False, "1")
    assert (late.status, late.code, late.headers["retry-after"]) == (503, "call.stopping", "1")
    assert late.headers["connection"] == "close"
    assert (health.status, answer.json) == (200, {"done": True})


async def test_a_second_engine_on_one_project_is_refused_until_the_first_is_dead(
    project: Path,
) -> None:
    one, other = free_ports(2)

    async with wistro("start", "--port", str(one), folder=project) as running:
        await serving(running)
        code, said = await run("start", "--port", str(other), folder=project)
        answer = await ask(one, "POST", "/greetings", {"name": "Ada"})
        os.kill(running.process.pid, signal.SIGKILL)
        await running.process.wait()
        async with wistro("start", "--port", str(other), folder=project) as second:
            await serving(second)

    assert code == 1 and "engine.already-running" in said
    assert f"wistro start (process {running.process.pid})" in said
    assert answer.status == 202
