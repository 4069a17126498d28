"""A task at `wistro start`: asked by its link, answered once, also when the engine is killed on the way."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from infra.ports import free_ports
from tests.integration.wistro.running import LIMIT_S, Running, ask, wistro
from tests.integration.wistro.start.test_start import locked, serving
from wistro.control.client import Running as Control
from wistro.protocol.operating import Link, TaskPage, TaskView

SETTINGS = "api: [{path: /orders, method: POST, emits: order.large, public: true}]\n"
APPROVE = """
config = {
    "type": "noop", "name": "Manager approves", "subscribes": ["order.large"],
    "task": {"answers": {
        "approve": {"emits": "order.approved", "form": {"type": "object", "required": ["note"], "properties": {"note": {"type": "string"}}}},
    }},
}
"""
AFTER = """
config = {"type": "event", "name": "After", "subscribes": ["order.approved"], "emits": []}

async def handler(message, ctx):
    await ctx.state.update("approved", message["note"], {"increment": 1})
    ctx.logger.info("approved", message)
"""
COUNTS = """
config = {"type": "api", "name": "Counts", "method": "GET", "path": "/approved", "public": True}

async def handler(req, ctx):
    return {"status": 200, "body": dict(await ctx.state.list("approved"))}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "approve.step.py").write_text(APPROVE)
    (tmp_path / "src" / "after.step.py").write_text(AFTER)
    (tmp_path / "src" / "counts.step.py").write_text(COUNTS)
    (tmp_path / "wistro.yml").write_text(SETTINGS)
    return locked(tmp_path)


async def opened(project: Path, port: int) -> TaskView:
    """The task of a new order, once it waits."""
    run = (await ask(port, "POST", "/orders", {"order": 7})).json["run_id"]
    running = Control.find(project)
    assert running is not None
    async with asyncio.timeout(LIMIT_S):
        while True:
            page = await asyncio.to_thread(running.get, "tasks", TaskPage, run=run)
            if page.tasks:
                return page.tasks[0]
            await asyncio.sleep(0.02)


async def link_to(project: Path, task: TaskView) -> str:
    running = Control.find(project)
    assert running is not None
    link = await asyncio.to_thread(running.ask, "POST", f"tasks/{task.id}/link", Link)
    return link.url[link.url.index("/_wistro/") :]


def approval(note: str, by: str) -> dict[str, object]:
    return {"answer": "approve", "form": {"note": note}, "by": by}


def logged(running: Running) -> list[str]:
    return [json.loads(line)["fields"]["note"] for line in running.said if '"approved"' in line]


async def test_of_two_answers_at_once_one_is_taken_and_the_other_told_who(project: Path) -> None:
    (port,) = free_ports(1)
    async with wistro("start", "--port", str(port), folder=project) as running:
        await serving(running)
        path = await link_to(project, await opened(project, port))

        tried = await asyncio.gather(
            *(ask(port, "POST", path, approval(by, by)) for by in ("Ada", "Bea"))
        )
        await running.line('"approved"')
        page = await ask(port, "GET", path, headers={"accept": "text/html"})

    assert sorted(one.status for one in tried) == [200, 409]
    won, lost = sorted(tried, key=lambda one: one.status)
    assert lost.json["error"]["fields"]["by"] == won.json["ended"]["by"]
    assert logged(running) == [won.json["ended"]["by"]]
    assert f"by {won.json['ended']['by']}" in page.body.decode()
    assert path.rpartition("/")[2] not in running.text


async def test_an_answer_counts_once_however_the_engine_is_killed_while_it_is_given(
    project: Path,
) -> None:
    """Killed at several moments; who got no answer gives it again, as people do."""
    (port,) = free_ports(1)
    paths: list[str] = []
    for delay_s in (0.0, 0.001, 0.003, 0.01, 0.03):
        async with wistro("start", "--port", str(port), folder=project) as running:
            await serving(running)
            paths.append(await link_to(project, await opened(project, port)))
            giving = asyncio.create_task(
                ask(port, "POST", paths[-1], approval(f"n{len(paths)}", "Ada"))
            )
            await asyncio.sleep(delay_s)
            os.killpg(running.process.pid, signal.SIGKILL)
            await asyncio.gather(giving, return_exceptions=True)
    async with wistro("start", "--port", str(port), folder=project) as running:
        await serving(running)
        again = [await ask(port, "POST", path, approval("again", "Bea")) for path in paths]
        ended = [(await ask(port, "GET", path)).json for path in paths]
        notes = [one["ended"]["form"]["note"] for one in ended]
        async with asyncio.timeout(LIMIT_S):
            while True:
                counts = (await ask(port, "GET", "/approved")).json
                if sum(counts.values()) >= len(paths):
                    break
                await asyncio.sleep(0.05)

    assert all(one.status in (200, 409) for one in again)
    assert {one["state"] for one in ended} == {"answered"}
    assert counts == dict(Counter(notes))
