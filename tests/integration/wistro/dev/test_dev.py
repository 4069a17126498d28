"""`wistro dev` as a process, its files edited under it."""

from __future__ import annotations

import asyncio
import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.ports import free_ports
from tests.integration.wistro.running import (
    Answer,
    Running,
    a_project,
    a_template,
    ask,
    run,
    wistro,
)
from wistro.languages.node import tools

SAY = """
from lib.words import WORD
config = {"type": "api", "name": "Say", "method": "GET", "path": "/say", "public": True, "flows": ["f"], "emits": []}

async def handler(req, ctx):
    return {"status": 200, "body": {"word": WORD, "env": dict(ctx.env)}}
"""
SLOW = """
import asyncio
config = {"type": "api", "name": "Slow", "method": "GET", "path": "/slow", "public": True, "flows": ["f"], "emits": []}

async def handler(req, ctx):
    ctx.logger.info("begun")
    await asyncio.sleep(1.5)
    return {"status": 200, "body": "OLD"}
"""
JAVASCRIPT = """
import { word } from './lib/word.js';
export const config = {type: 'api', name: 'Say', method: 'GET', path: '/say', public: true, flows: ['f'], emits: []};
export const handler = async () => ({status: 200, body: {word}});
"""


@dataclass
class Dev:
    running: Running
    port: int
    ui_port: int

    async def ready(self) -> None:
        await self.running.line("watching for changes")

    @property
    def token(self) -> str:
        line = next(one for one in self.running.said if "token=" in one)
        return line.partition("token=")[2].strip()

    async def call(self, path: str = "/say") -> Answer:
        return await ask(self.port, "GET", path)

    async def read(self, what: str) -> Any:
        headers = {"authorization": f"Bearer {self.token}"}
        return (await ask(self.ui_port, "GET", f"/api/v1/{what}", headers=headers)).json

    async def done(self, run: str) -> Any:
        """The run once it has ended: records are kept a moment after the line that tells of it."""
        async with asyncio.timeout(20):
            while True:
                found = await self.read(f"runs/{run}")
                if found["run"]["status"] == "done":
                    return found
                await asyncio.sleep(0.05)

    async def edit(self, path: Path, old: str, new: str, *, until: str) -> str:
        """Change a file; the line that tells what became of it."""
        before = len(self.running.said)
        text = await asyncio.to_thread(path.read_text)
        await asyncio.to_thread(path.write_text, text.replace(old, new))
        return await self.running.line(until, after=before)


def dev(root: Path):
    port, ui_port = free_ports(2)
    command = wistro("dev", "--port", str(port), "--ui-port", str(ui_port), folder=root)
    return command, port, ui_port


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {
        "src/say.step.py": SAY,
        "src/lib/words.py": 'WORD = "one"\n',
        "wistro.yml": "env: [PLACE]\n",
    }
    return a_project(tmp_path / "p", files)


async def test_a_template_is_served_shown_and_read(tmp_path: Path) -> None:
    command, port, ui_port = dev(a_template(tmp_path / "shop"))
    async with command as running:
        one = Dev(running, port, ui_port)
        await one.ready()
        answer = await ask(port, "POST", "/greetings", {"name": "Ada"})
        await running.line("greeting kept")
        found = await one.done(answer.json["id"])
        runs = await one.read("runs")
        lines = await one.read("lines")
        graph = await one.read("graph")
        problems = await one.read("problems")

    assert answer.status == 202
    assert "POST   /greetings      src/greetings/greet" in running.text
    assert "cron   0 * * * * UTC   src/greetings/report" in running.text
    assert [run["id"] for run in runs["runs"]] == [answer.json["id"]]
    assert [one["step"] for one in found["attempts"]] == [
        "src/greetings/greet",
        "src/greetings/keep",
    ]
    assert [line["message"] for line in lines["lines"]] == ["greeting asked", "greeting kept"]
    assert len(graph["nodes"]) == 3
    assert problems == {"problems": []}
    types = tmp_path / "shop" / ".wistro" / "types" / "python" / "wistro_types" / "__init__.py"
    assert "class KeepGreeting(" in types.read_text()


async def test_an_edit_is_served_and_so_is_one_of_a_module(project: Path) -> None:
    command, port, ui_port = dev(project)
    async with command as running:
        one = Dev(running, port, ui_port)
        await one.ready()
        before = (await one.call()).json["word"]
        await one.edit(project / "src/lib/words.py", "one", "two", until="Reloaded")
        after_module = (await one.call()).json["word"]
        await one.edit(project / "src/say.step.py", "WORD,", "WORD * 2,", until="Reloaded")
        after_step = (await one.call()).json["word"]

    assert (before, after_module, after_step) == ("one", "two", "twotwo")


async def test_a_broken_file_is_told_and_what_is_loaded_serves_on(project: Path) -> None:
    command, port, ui_port = dev(project)
    async with command as running:
        one = Dev(running, port, ui_port)
        await one.ready()
        await one.call()
        await one.edit(project / "src/say.step.py", "async def", "async deff", until="1 problem")
        problems = (await one.read("problems"))["problems"]
        broken = await one.call()
        await one.edit(project / "src/say.step.py", "async deff", "async def", until="Mended")
        mended = await one.read("problems")

    assert [(one["code"], one["where"]) for one in problems] == [
        ("lock.syntax", "src/say.step.py:5")
    ]
    assert "--> src/say.step.py:5" in running.text
    assert broken.json["word"] == "one"
    assert mended == {"problems": []}


async def test_a_project_that_never_compiled_is_waited_for(tmp_path: Path) -> None:
    command, port, ui_port = dev(a_project(tmp_path / "p", {"wistro.yml": "name: empty\n"}))
    async with command as running:
        one = Dev(running, port, ui_port)
        await one.ready()
        nothing = await one.call()
        graph = await one.read("graph")
        a_project(tmp_path / "p", {"src/say.step.py": SAY, "src/lib/words.py": 'WORD = "new"\n'})
        await running.line("Compiled")
        served = await one.call()

    assert (nothing.status, nothing.code) == (503, "dev.nothing-served")
    assert graph == {"nodes": [], "edges": [], "flows": []}
    assert served.json["word"] == "new"


async def test_a_new_value_in_the_env_file_reaches_the_steps(project: Path) -> None:
    command, port, ui_port = dev(project)
    async with command as running:
        one = Dev(running, port, ui_port)
        await one.ready()
        before = (await one.call()).json["env"]
        (project / ".env").write_text("PLACE=here\n")
        await running.line("Reloaded")
        after = (await one.call()).json["env"]

    assert "without a value: PLACE" in running.text
    assert (before, after) == ({}, {"PLACE": "here"})


async def test_a_call_in_flight_ends_in_the_code_it_began_in(tmp_path: Path) -> None:
    root = a_project(tmp_path / "p", {"src/slow.step.py": SLOW})
    command, port, ui_port = dev(root)
    async with command as running:
        one = Dev(running, port, ui_port)
        await one.ready()
        first = asyncio.create_task(one.call("/slow"))
        await running.line("begun")
        await one.edit(root / "src/slow.step.py", "OLD", "NEW", until="Reloaded")
        old, new = await first, await one.call("/slow")

    assert (old.json, new.json) == ("OLD", "NEW")


async def test_javascript_is_built_again(tmp_path: Path) -> None:
    files = {"src/say.step.mjs": JAVASCRIPT, "src/lib/word.js": "export const word = 'one';\n"}
    root = a_project(tmp_path / "p", files)
    tools.esbuild(root)
    command, port, ui_port = dev(root)
    async with command as running:
        one = Dev(running, port, ui_port)
        await one.ready()
        before = (await one.call()).json["word"]
        await one.edit(root / "src/lib/word.js", "one", "two", until="Reloaded")
        after = (await one.call()).json["word"]
        told = await one.edit(root / "src/lib/word.js", "'two'", "'two", until="-->")

    assert (before, after) == ("one", "two")
    assert "src/lib/word.js:1" in told


async def test_an_error_is_told_with_the_users_stack(tmp_path: Path) -> None:
    broken = SLOW.replace("await asyncio.sleep(1.5)", "raise ValueError('no such thing')")
    command, port, ui_port = dev(a_project(tmp_path / "p", {"src/slow.step.py": broken}))
    async with command as running:
        one = Dev(running, port, ui_port)
        await one.ready()
        answer = await one.call("/slow")
        await running.line("ValueError: no such thing")
        await running.line('File "src/slow.step.py", line 7, in handler')

    assert answer.status == 500


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
async def test_it_ends_in_order(project: Path, by: int) -> None:
    command, port, ui_port = dev(project)
    async with command as running:
        await Dev(running, port, ui_port).ready()
        code = await running.end(by)

    assert code == 0 and "Stopped" in running.text and "Traceback" not in running.text


async def test_taken_ports_are_said(project: Path) -> None:
    port, ui_port = free_ports(2)
    with socket.create_server(("127.0.0.1", port)):
        first = await run("dev", "--port", str(port), "--ui-port", str(ui_port), folder=project)
    with socket.create_server(("127.0.0.1", ui_port)):
        second = await run("dev", "--port", str(port), "--ui-port", str(ui_port), folder=project)

    assert first[0] == second[0] == 1
    assert f"port {port} is taken" in first[1] and "--port" in first[1]
    assert f"port {ui_port} is taken" in second[1] and "--ui-port" in second[1]


async def test_screens_are_for_who_has_the_token_alone(project: Path) -> None:
    command, port, ui_port = dev(project)
    async with command as running:
        one = Dev(running, port, ui_port)
        await one.ready()
        mine = {"authorization": f"Bearer {one.token}"}
        runs = "/api/v1/runs"
        answers = {
            "mine": await ask(ui_port, "GET", runs, headers=mine),
            "no token": await ask(ui_port, "GET", runs),
            "wrong token": await ask(ui_port, "GET", runs, headers={"authorization": "Bearer x"}),
            "page without token": await ask(ui_port, "GET", "/"),
            "host": await ask(ui_port, "GET", runs, headers={**mine, "host": "evil.example"}),
            "origin": await ask(
                ui_port, "GET", runs, headers={**mine, "origin": "http://evil.example"}
            ),
            "method": await ask(ui_port, "POST", runs, {}, headers=mine),
        }

    codes = {
        what: (one.status, one.code if one.status != 200 else None) for what, one in answers.items()
    }
    assert codes == {
        "mine": (200, None),
        "no token": (401, "local.token"),
        "wrong token": (401, "local.token"),
        "page without token": (401, "local.token"),
        "host": (403, "local.host"),
        "origin": (403, "local.origin"),
        "method": (405, "local.read-only"),
    }
