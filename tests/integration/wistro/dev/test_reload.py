"""`wistro dev` while files change as editors and people change them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from tests.integration.wistro.dev.test_dev import SAY, Dev, dev
from tests.integration.wistro.running import a_project, ask, run
from wistro.languages.node import tools

PYTHON = """
count = 0
config = {"type": "api", "name": "Py", "method": "GET", "path": "/py", "public": True, "flows": ["f"], "emits": []}

async def handler(req, ctx):
    global count
    count += 1
    return {"status": 200, "body": count}
"""
NODE = """
let count = 0;
export const config = {type: 'api', name: 'Node', method: 'GET', path: '/node', public: true, flows: ['f'], emits: []};
export const handler = async () => ({status: 200, body: (count += 1)});
"""
WAITS = """
from wistro_sdk import RetryAfter
config = {"type": "event", "name": "Waits", "flows": ["f"], "subscribes": ["told"], "emits": []}

async def handler(message, ctx):
    if ctx.attempt == 1:
        raise RetryAfter(0.5)
    ctx.logger.info("handled " + message["id"])
"""
TELLS = """
config = {"type": "api", "name": "Tells", "method": "POST", "path": "/tell", "public": True, "flows": ["f"],
          "emits": ["told"]}

async def handler(req, ctx):
    await ctx.emit({"topic": "told", "data": req.body})
    return {"status": 202, "body": {"id": ctx.run_id}}
"""
BACKEND = """
import zipfile

def build_wheel(folder, settings=None, metadata=None):
    name = "bought-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("bought.py", "VERSION = '1'\\n")
        wheel.writestr("bought-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: bought\\nVersion: 1\\n")
        wheel.writestr("bought-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("bought-1.dist-info/RECORD", "")
    return name
"""
KEEPS = """
config = {"type": "event", "name": "Keeps", "flows": ["f"], "subscribes": ["told"], "emits": []}

async def handler(message, ctx):
    pass
"""


async def test_only_the_language_that_changed_begins_anew(tmp_path: Path) -> None:
    files = {"src/a.step.py": PYTHON, "src/b.step.mjs": NODE}
    root = a_project(tmp_path / "p", files)
    tools.esbuild(root)
    command, port, ui_port = dev(root)
    async with command as running:
        one = Dev(running, port, ui_port)
        await one.ready()

        async def counts() -> tuple[int, int]:
            return (await one.call("/py")).json, (await one.call("/node")).json

        first = await counts()
        await one.edit(root / "src/a.step.py", "count = 0\n", "count = 10\n", until="Reloaded")
        python_edited = await counts()
        await one.edit(root / "src/b.step.mjs", "count = 0", "count = 20", until="Reloaded")
        node_edited = await counts()
        (root / "wistro.yml").write_text("flows: {f: {name: Flow}}\n")
        await running.line("Reloaded  wistro.yml")
        setting_edited = await counts()
        (root / ".env").write_text("# nothing yet\n")
        await running.line("Reloaded  .env")
        env_edited = await counts()

    assert first == (1, 1)
    assert python_edited == (11, 2)
    assert node_edited == (12, 21)
    assert setting_edited == (13, 22)
    assert env_edited == (14, 23)


async def test_what_changed_while_something_else_was_broken_is_not_forgotten(
    tmp_path: Path,
) -> None:
    files = {
        "src/say.step.py": SAY.replace("from lib.words import WORD\n", "").replace(
            "async def handler(req, ctx):\n", "async def handler(req, ctx):\n    from lib.words import WORD\n"
        ),
        "src/lib/words.py": 'WORD = "one"\n',
        "wistro.yml": "",
    }  # fmt: skip
    root = a_project(tmp_path / "p", files)
    command, port, ui_port = dev(root)
    async with command as running:
        one = Dev(running, port, ui_port)
        await one.ready()
        before = (await one.call()).json["word"]
        await one.edit(root / "wistro.yml", "", "no-such-key: 1\n", until="1 problem;")
        at = len(running.said)
        (root / "src/lib/words.py").write_text('WORD = "two"\n')
        await running.line("1 problem;", after=at)
        problems = await one.read("problems")
        (root / "wistro.yml").write_text("")
        await running.line("Mended")
        after = (await one.call()).json["word"]
        cleared = await one.read("problems")

    assert (before, after) == ("one", "two")
    assert len(problems["problems"]) == 1 and cleared == {"problems": []}


async def test_files_change_as_editors_write_them(tmp_path: Path) -> None:
    said = SAY.replace("from lib.words import WORD", 'WORD = "0"')
    root = a_project(tmp_path / "p", {"src/say.step.py": said})
    path = root / "src" / "say.step.py"
    command, port, ui_port = dev(root)

    def replaced(text: str) -> None:
        (root / "src" / ".say.step.py.swp").write_text(text)
        (root / "src" / ".say.step.py.swp").replace(path)

    def backed_up(text: str) -> None:
        path.rename(root / "src" / "say.step.py~")
        path.write_text(text)
        (root / "src" / "say.step.py~").unlink()

    def in_parts(text: str) -> None:
        with path.open("w") as file:
            for part in (text[:10], text[10:]):
                file.write(part)
                file.flush()
                os.fsync(file.fileno())

    words: list[str] = []
    async with command as running:
        one = Dev(running, port, ui_port)
        await one.ready()
        for number, write in enumerate((replaced, backed_up, in_parts, replaced), 1):
            at = len(running.said)
            await asyncio.to_thread(write, said.replace('"0"', f'"{number}"'))
            await running.line(lambda line: "Reloaded" in line or "Mended" in line, after=at)
            words.append((await one.call()).json["word"])

    assert words == ["1", "2", "3", "4"]


async def test_steps_are_renamed_moved_and_written_many_at_once(tmp_path: Path) -> None:
    said = SAY.replace("from lib.words import WORD", 'WORD = "0"')
    root = a_project(tmp_path / "p", {"src/old/say.step.py": said})
    command, port, ui_port = dev(root)
    async with command as running:
        one = Dev(running, port, ui_port)
        await one.ready()
        (root / "src/old/say.step.py").rename(root / "src/old/tell.step.py")
        renamed = await running.line("step `src/old/tell` is new")
        (root / "src/old").rename(root / "src/new")
        await running.line("step `src/new/tell` is new")
        moved = await one.call()
        many = {
            f"src/many/s{number}.step.py": said.replace("/say", f"/s{number}").replace(
                '"Say"', f'"Say {number}"'
            )
            for number in range(25)
        }
        seen = len(running.said)
        await asyncio.to_thread(a_project, root, many)
        while (last := await one.call("/s24")).status != 200:  # one change, or several
            await running.line("Reloaded", after=seen)
            seen = len(running.said)
        answers = [(await one.call(f"/s{number}")).status for number in range(25)]
        graph = await one.read("graph")

    assert renamed and moved.status == 200 and last.status == 200
    assert answers == [200] * 25
    assert len(graph["nodes"]) == 26


async def test_what_waits_for_a_deleted_step_is_named_and_done_when_it_is_back(
    tmp_path: Path,
) -> None:
    files = {"src/waits.step.py": WAITS, "src/tells.step.py": TELLS, "src/keeps.step.py": KEEPS}
    root = a_project(tmp_path / "p", files)
    command, port, ui_port = dev(root)
    async with command as running:
        one = Dev(running, port, ui_port)
        await one.ready()
        assert (await ask(port, "POST", "/tell", {"id": "ü1"})).status == 202
        await running.line("retrying")
        (root / "src/waits.step.py").unlink()
        await running.line("step `src/waits` is gone")
        named = await running.line("deliveries wait for `src/waits`")
        (root / "src/waits.step.py").write_text(WAITS)
        done = await running.line("handled ü1")

    assert named and done


async def test_packages_that_are_installed_meanwhile_are_there_for_the_steps(
    tmp_path: Path,
) -> None:
    says = """
config = {"type": "api", "name": "Say", "method": "GET", "path": "/say", "public": True, "flows": ["f"], "emits": []}

async def handler(req, ctx):
    try:
        import bought
    except ImportError:
        return {"status": 200, "body": "none"}
    return {"status": 200, "body": bought.VERSION}
"""
    root = a_project(tmp_path / "p", {"src/say.step.py": says, "requirements.txt": "# none yet\n"})
    package = tmp_path / "bought"
    build = '[build-system]\nrequires = []\nbuild-backend = "b"\nbackend-path = ["."]\n'
    a_project(
        package,
        {"pyproject.toml": f'{build}[project]\nname = "bought"\nversion = "1"\n', "b.py": BACKEND},
    )
    command, port, ui_port = dev(root)
    async with command as running:
        one = Dev(running, port, ui_port)
        await one.ready()
        before = (await one.call()).json
        (root / "requirements.txt").write_text(f"{package}\n")
        named = await running.line("`wistro install`")
        code, told = await run("install", folder=root)
        await running.line("Reloaded  packages")
        after = (await one.call()).json

    assert code == 0, told
    assert "requirements.txt" in named
    assert (before, after) == ("none", "1")
    assert "wistro dev" in told
