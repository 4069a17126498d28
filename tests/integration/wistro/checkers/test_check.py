"""A wrong emit is refused by the checkers of every language at its line, and by the engine with the field's path."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.ports import free_ports
from tests.integration.wistro.running import a_template, ask, run, wistro

pytestmark = pytest.mark.timeout(240)
LIMIT_S = 200.0  # the first check fetches the checkers
PROJECT = Path(__file__).parent / "project"
WRONG = re.compile(r"(?:#|//) wrong: (.+)")
GOOD = {"sku": "a", "quantity": 1}
LANGUAGES = ("python", "ts", "js", "go")
REFUSED: dict[str, tuple[Any, str | None]] = {
    "what fits": (GOOD, None),
    "another type": (GOOD | {"quantity": "1"}, "/quantity"),
    "a field that is missing": ({"sku": "a"}, "/quantity"),
    "a field too many": (GOOD | {"colour": "red"}, "/colour"),
    "a value that is not listed": (GOOD | {"size": "xl"}, "/size"),
    "a nested field": (GOOD | {"to": {"street": 3}}, "/to/street"),
}


@dataclass
class Project:
    root: Path
    code: int
    said: dict[str, Any]

    def lines(self, file: str) -> set[int]:
        return {one["line"] for one in self.said["findings"] if one["file"] == file}

    def at(self, file: str, what: str) -> dict[str, Any]:
        line = next(number for number, said in marked(self.root / file).items() if said == what)
        return next(
            one for one in self.said["findings"] if (one["file"], one["line"]) == (file, line)
        )


def marked(path: Path) -> dict[int, str]:
    """Line -> what is wrong with it."""
    lines = enumerate(path.read_text("utf-8").splitlines(), 1)
    return {number: found[1] for number, line in lines if (found := WRONG.search(line))}


async def checked(root: Path) -> tuple[int, dict[str, Any]]:
    """`wistro check --json`: its exit code and what it said on stdout."""
    async with wistro("check", "--json", folder=root) as running, asyncio.timeout(LIMIT_S):
        code = await running.process.wait()
    text = running.text
    return code, json.loads(text[text.index("{") :])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checked") / "project"
    shutil.copytree(PROJECT, folder)
    return folder


@pytest.fixture(scope="module")
def project(root: Path) -> Project:
    return Project(root, *asyncio.run(checked(root)))


FILES = sorted(one.relative_to(PROJECT).as_posix() for one in PROJECT.glob("src/*/*.step.*"))


@pytest.mark.parametrize("file", FILES)
def test_exactly_the_lines_that_are_wrong_are_found(project: Project, file: str) -> None:
    assert project.lines(file) == set(marked(project.root / file)), project.said["findings"]


def test_it_says_what_is_wrong_by_whose_word_and_fails(project: Project) -> None:
    python = project.at("src/orders/send_python.step.py", "topic")
    typescript = project.at("src/orders/send_ts.step.ts", "missing")

    assert project.code == 1 and project.said["holds"] is False
    assert (python["checker"], typescript["checker"]) == ("pyright", "tsc")
    assert "did you mean `order.created`?" in python["message"]
    assert "'quantity' is missing" in typescript["message"]


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("type", '"Literal[\'1\']" is not assignable to "int"'),
        ("missing", '"quantity" is required'),
        ("extra", "at a key that its type does not have"),
        ("a variable without a type", "give the variable its type, OrderCreated"),
        ("nested", '"Literal[3]" is not assignable to "str"'),
    ],
)
def test_an_emit_is_compared_with_its_own_topic(project: Project, what: str, says: str) -> None:
    """pyright by itself tells of the last overload: here that is another topic's."""
    found = project.at("src/orders/send_python.step.py", what)

    assert says in found["message"] and "order.noted" not in found["message"]


def test_handlers_without_a_type_are_named(project: Project) -> None:
    unchecked = {one["step"]: one["hint"] for one in project.said["unchecked"]}

    assert unchecked.keys() == {"src/orders/note_python", "src/orders/loose_js"}
    assert "ctx: NoteInPython" in unchecked["src/orders/note_python"]
    assert "@ts-check" in unchecked["src/orders/loose_js"]


async def test_what_did_not_change_is_not_checked_again(project: Project) -> None:
    (project.root / "src/orders/note_python.step.py").touch()

    first, second = [await run("check", folder=project.root) for _ in range(2)]

    assert "by pyright, tsc (unchanged), go vet (unchanged)" in first[1]
    assert "by pyright (unchanged), tsc (unchanged), go vet (unchanged)" in second[1]
    assert first[0] == second[0] == 1


async def test_the_same_messages_are_refused_when_running(project: Project) -> None:
    port, ui_port = free_ports(2)
    command = wistro("dev", "--port", str(port), "--ui-port", str(ui_port), folder=project.root)
    async with command as running:
        await running.line("watching for changes")
        answers = {
            (language, what): (
                await ask(port, "POST", f"/{language}/here", {"message": message})
            ).json
            for language in LANGUAGES
            for what, (message, _) in REFUSED.items()
        }

    assert answers == {
        (language, what): {"path": path}
        for language in LANGUAGES
        for what, (_, path) in REFUSED.items()
    }


async def test_generated_types_of_odd_schemas_are_right_themselves(
    project: Project, tmp_path: Path
) -> None:
    """Checkers say nothing of files that are only imported: here they are what is checked."""
    shutil.copytree(PROJECT.parent / "odd", tmp_path / "odd")
    code, said = await run("lock", folder=tmp_path / "odd")
    written = tmp_path / "odd" / ".wistro"
    for name in ("types/python", "sdk/python"):
        shutil.copytree(written / name, tmp_path / "python", dirs_exist_ok=True)
    config = json.dumps(
        {
            "compilerOptions": {"strict": True, "noEmit": True, "skipLibCheck": False, "types": []},
            "files": ["odd/.wistro/types/node/index.d.ts"],
        }
    )
    (tmp_path / "tsconfig.json").write_text(config)
    checkers = project.root / ".wistro" / "checkers" / "node_modules"
    commands = [
        (checkers / "pyright" / "index.js", "-p", "python", "--warnings"),
        (checkers / "typescript" / "bin" / "tsc", "-p", "tsconfig.json"),
    ]

    done = [
        await asyncio.to_thread(
            subprocess.run,
            ["node", *map(str, one)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=100,
        )
        for one in commands
    ]

    assert code == 0, said
    assert [one.returncode for one in done] == [0, 0], [one.stdout for one in done]
    assert "0 errors" in done[0].stdout and "No source files" not in done[0].stdout


GO = """package orders

import "wistro.dev/sdk"

type Order struct {
	Sku      string `json:"sku"`
	Quantity int    `json:"quantity"`
}
type Payment struct{ Cents int64 }

var Created = sdk.Topic[Order]("order.created")

var Tick = sdk.Cron(sdk.CronConfig{Name: "Tick", Cron: "* * * * *", Emits: sdk.Emits(Created)}, func(ctx *sdk.Context) error {
	_ = Created.Emit(ctx, Order{Sku: "a", Quantity: 1})
	_ = Craeted.Emit(ctx, Order{Sku: "a", Quantity: 1})              // wrong: topic
	_ = Created.Emit(ctx, Order{Sku: "a", Quantity: "1"})            // wrong: type
	_ = Created.Emit(ctx, Order{Sku: "a", Quantity: 1, Colour: "r"}) // wrong: extra
	_ = Created.Emit(ctx, Payment{Cents: 1})                         // wrong: another topic's message
	return nil
})
"""


async def test_a_wrong_emit_in_go_is_its_compilers_word(project: Project, tmp_path: Path) -> None:
    step = tmp_path / "src" / "orders" / "tick.step.go"
    step.parent.mkdir(parents=True)
    step.write_text(GO)
    shutil.copyfile(PROJECT / "go.mod", tmp_path / "go.mod")

    code, said = await checked(tmp_path)

    found = Project(tmp_path, code, said)
    assert code == 1
    assert found.lines("src/orders/tick.step.go") == set(marked(step)), said


async def test_what_does_not_compile_is_told_with_what_the_checkers_find(
    project: Project, tmp_path: Path
) -> None:
    """The types are those of the lock that was written last."""
    root = shutil.copytree(project.root, tmp_path / "project", symlinks=True)
    (root / "src/orders/note_python.step.py").write_text("config = {'type': 'evnt', 'name': 'x'}\n")

    _, said = await checked(root)

    found = Project(root, 1, said)
    assert found.lines("src/orders/note_python.step.py") == {1}
    assert found.lines("src/orders/hear_ts.step.ts") == set(
        marked(root / "src/orders/hear_ts.step.ts")
    )


@pytest.mark.parametrize("template", ["python", "typescript"])
async def test_a_template_has_no_mistakes_and_nothing_unchecked(
    project: Project, tmp_path: Path, template: str
) -> None:
    root = a_template(tmp_path / "hello", template)
    (root / ".wistro").mkdir()
    (root / ".wistro" / "checkers").symlink_to(project.root / ".wistro" / "checkers")
    if template == "typescript":
        (root / ".wistro" / "tools").symlink_to(project.root / ".wistro" / "tools")
        installed = await run("install", folder=root)
        assert installed[0] == 0, installed[1]

    code, said = await checked(root)

    assert (said["findings"], said["unchecked"], said["broken"], said["unwired"]) == (
        [],
        [],
        [],
        [],
    )
    assert code == 0


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_python_is_checked_on_a_machine_without_node(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    shutil.copyfile(PROJECT / "src/orders/hear_python.step.py", tmp_path / "src/hear.step.py")
    (tmp_path / "wistro.yml").write_text(
        "topics:\n  order.created: {from: outside, schema: {type: object, properties: {sku: {type: string}}}}\n"
    )
    nothing = {**os.environ, "PATH": str(tmp_path)}

    async with wistro("check", "--json", folder=tmp_path, env=nothing) as running:
        async with asyncio.timeout(380):
            code = await running.process.wait()

    found = json.loads(running.text[running.text.index("{") :])
    assert code == 1 and found["broken"] == []
    assert {one["checker"] for one in found["findings"]} == {"pyright"}
