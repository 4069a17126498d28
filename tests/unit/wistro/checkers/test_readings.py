"""What checkers write, as findings; and which handlers they have nothing to hold to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wistro.checkers import annotated, pyright, tsc, vet
from wistro.checkers.port import CheckerBroke, Finding
from wistro.lock.model import Lock, LockedStep, StepConfig

ROOT = Path("/project")


def test_tsc_says_a_place_a_rule_and_lines_that_go_on() -> None:
    text = "src/a (1).step.ts(3,7): error TS2322: Type 'a' is not.\n  Because.\nerror TS5083: Cannot read.\n\nFound 2\n"

    assert tsc.read(ROOT, text) == [
        Finding("src/a (1).step.ts", 3, 7, "Type 'a' is not.\n  Because.", "tsc", "TS2322"),
        Finding(None, 1, 1, "Cannot read.", "tsc", "TS5083"),
    ]


@pytest.mark.parametrize("own", [None, "{}", '{"include": ["lib"]}', '// x\n{"files": ["a.ts"]}'])
def test_tsc_reads_every_step_whatever_the_project_includes(
    tmp_path: Path, own: str | None
) -> None:
    if own is not None:
        (tmp_path / "tsconfig.json").write_text(own)

    tsc.write_config(tmp_path, ["packages/a.step.ts"])

    config = json.loads((tmp_path / ".wistro/check/tsconfig.json").read_text())
    assert config["files"] == ["../../packages/a.step.ts"]
    names_files = own is not None and ("include" in own or "files" in own)
    assert ("include" in config) is not names_files
    assert config["compilerOptions"]["allowJs"] and config["compilerOptions"]["noEmit"]


def test_go_vet_says_a_place_with_or_without_its_column() -> None:
    text = "# project/src\nsrc/a.step.go:3:7: wrong: type\nvet: ./src/b.step.go:4: odd\n"

    assert vet.read(ROOT, text) == [
        Finding("src/a.step.go", 3, 7, "wrong: type", "go vet"),
        Finding("src/b.step.go", 4, 1, "odd", "go vet"),
    ]


def diagnostic(line: int, message: str, rule: str, severity: str = "error") -> dict:
    place = {"start": {"line": line, "character": 4}}
    return {"file": "/project/src/a.step.py", "severity": severity, "message": message, "rule": rule, "range": place}  # fmt: skip


def test_pyright_tells_a_call_that_fits_no_overload_once() -> None:
    found = [
        diagnostic(2, 'No overloads for "emit" match', "reportCallIssue"),
        diagnostic(2, "Argument\xa0of", "reportArgumentType"),
        diagnostic(5, "Odd", "reportOdd", "warning"),
    ]

    assert pyright.read(ROOT, json.dumps({"generalDiagnostics": found})) == [
        Finding("src/a.step.py", 3, 5, "Argument of", "pyright", "reportArgumentType"),
        Finding("src/a.step.py", 6, 5, "Odd", "pyright", "reportOdd", is_error=False),
    ]


@pytest.mark.parametrize("text", ["", "Segmentation fault", "{}", "[]"])
def test_a_checker_that_does_not_answer_is_not_taken_for_one_that_finds_nothing(text: str) -> None:
    with pytest.raises(CheckerBroke):
        pyright.read(ROOT, text)


TYPED = "def handler(message: ChargeCardMessage, ctx: ChargeCard): ...\n"
PYTHON = {
    "typed": (TYPED, None),
    "typed by text": (TYPED.replace("ctx: ChargeCard", "ctx: 'wistro_types.ChargeCard'"), None),
    "typed through the module": (TYPED.replace(": ChargeCard)", ": types.ChargeCard)"), None),
    "async": ("async " + TYPED, None),
    "nothing is typed": ("def handler(message, ctx): ...\n", "`message` has no type"),
    "the context is not": ("def handler(message: dict, ctx): ...\n", "`ctx` has no type"),
    "the context of every step": (TYPED.replace("ctx: ChargeCard", "ctx: Context"), "not a `ChargeCard`"),
    "another step's context": (TYPED.replace("ctx: ChargeCard", "ctx: SendMail"), "the type of `Send mail`"),
    "a handler from elsewhere": ("from lib import handler\n", "not defined in the file"),
    "no arguments": ("def handler(*args): ...\n", "takes nothing"),
}  # fmt: skip
HANDLER = "export const handler: Handlers['Charge card'] = async () => {};\n"
NODE = {
    "typed": ("a.step.ts", HANDLER, None),
    "typed in other quotes": ("a.step.ts", HANDLER.replace("'", '"'), None),
    "nothing is typed": ("a.step.ts", "export const handler = () => {};\n", "`handler` has no type"),
    "another step's type": ("a.step.ts", HANDLER.replace("Charge card", "Send mail"), "the type of `Send mail`"),
    "JavaScript that asks for it": ("a.step.mjs", f"// @ts-check\n/** @type {{import('@wistro/sdk').Handlers['Charge card']}} */\n{HANDLER}", None),
    "JavaScript that does not": ("a.step.mjs", f"/** @type {{import('@wistro/sdk').Handlers['Charge card']}} */\n{HANDLER}", "where it says so"),
}  # fmt: skip


def said_of(root: Path, language: str, file: str, text: str) -> list[str]:
    (root / file).write_text(text)
    steps = {
        id: LockedStep(
            file=file if id == "a" else "none",
            files=[],
            digest="",
            language=language,
            config=StepConfig(type="event", name=name),
        )
        for id, name in (("a", "Charge card"), ("b", "Send mail"))
    }
    unchecked, wrong = annotated.look(root, Lock(lock=1, digest="", steps=steps))
    return [one.why for one in unchecked] + [one.message for one in wrong]


@pytest.mark.parametrize("what", PYTHON)
def test_a_python_handler_is_held_to_its_own_types_or_named(tmp_path: Path, what: str) -> None:
    text, says = PYTHON[what]

    said = said_of(tmp_path, "python", "a.step.py", text)

    assert said == [] if says is None else len(said) == 1 and says in said[0]


@pytest.mark.parametrize("what", NODE)
def test_a_node_handler_is_held_to_its_own_types_or_named(tmp_path: Path, what: str) -> None:
    file, text, says = NODE[what]

    said = said_of(tmp_path, "node", file, text)

    assert said == [] if says is None else len(said) == 1 and says in said[0]
