"""Reference pages made from the code: `python -m infra.reference --write`; a test compares what is committed.

docs/errors.md lists every `UserError` with its code, meaning and hint; docs/reference/settings.md every setting of the
Hub's and the fleet's processes. Both are found by reading the source; docs/reference/cli.md by asking the commands.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra import commands

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("wistro", "runner", "hub", "infra")
ERRORS = ROOT / "docs" / "errors.md"
SETTINGS = ROOT / "docs" / "reference" / "settings.md"
COMMANDS = ROOT / "docs" / "reference" / "cli.md"
SETTINGS_OF = {"The Hub": "hub/common/settings.py", "The fleet": "runner/settings.py"}


@dataclass(frozen=True)
class KnownError:
    code: str
    meaning: str
    hint: str
    file: str


def errors() -> list[KnownError]:
    """Every class that defines `code = "room.word"`, by code; one code may stand in several classes."""
    found = {error for path in sources() for error in errors_in(path)}
    return sorted(found, key=lambda error: (error.code, error.file))


def sources() -> Iterator[Path]:
    for room in ROOMS:
        yield from sorted(
            path for path in (ROOT / room).rglob("*.py") if "node_modules" not in path.parts
        )


def errors_in(path: Path) -> Iterator[KnownError]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        values = dict(assigned_texts(node))
        code = values.get("code", "")
        if "." in code and any(is_error(base) for base in node.bases):
            meaning = (ast.get_docstring(node) or node.name).split("\n\n")[0].replace("\n", " ")
            yield KnownError(
                code, meaning, values.get("hint", ""), path.relative_to(ROOT).as_posix()
            )


def assigned_texts(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                yield name, text
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str(text))):
                yield name, text


def is_error(base: ast.expr) -> bool:
    """Anything but a plain Struct or dataclass may lead to UserError; classes with a dotted `code` are ours."""
    name = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
    return name not in {"Struct", "object", "Protocol", "Model"}


def errors_page() -> str:
    rows = [
        "# Errors",
        "",
        "Every error that a reader can fix has a stable code. Made by `python -m infra.reference --write`.",
        "",
    ]
    rows += ["| code | what it means | what to do |", "|---|---|---|"]
    seen: set[tuple[str, str]] = set()
    for error in errors():
        if (error.code, error.meaning) not in seen:
            seen.add((error.code, error.meaning))
            rows.append(f"| `{error.code}` | {cell(error.meaning)} | {cell(error.hint)} |")
    return "\n".join(rows) + "\n"


@dataclass(frozen=True)
class KnownSetting:
    name: str
    help: str
    default: str  # as the source has it; empty where it must be set


def settings_in(path: Path) -> Iterator[KnownSetting]:
    """Every `field: type = setting("NAME", "help", default)` of a settings class."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.AnnAssign(value=ast.Call(func=ast.Name(id="setting"), args=args)):
                name, help, *default = args
                shown = shown_default(default[0]) if default else ""
                yield KnownSetting(ast.literal_eval(name), ast.literal_eval(help), shown)


def shown_default(node: ast.expr) -> str:
    text = ast.unparse(node)
    if text.startswith("ROOT / "):
        return "/".join(ast.literal_eval(part) for part in text.split(" / ")[1:])
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return text
    return "none" if value in ("", (), None) else str(value)


def settings_page() -> str:
    rows = [
        "# Settings",
        "",
        "Each process reads its settings from the environment, once, and sees those alone that the table of processes",
        "(`infra/processes.py`) gives it. Made by `python -m infra.reference --write`.",
    ]
    for title, file in SETTINGS_OF.items():
        rows += ["", f"## {title}", "", "| variable | what it is | default |", "|---|---|---|"]
        for one in sorted(settings_in(ROOT / file), key=lambda one: one.name):
            default = f"`{one.default}`" if one.default else "must be set"
            rows.append(f"| `{one.name}` | {cell(one.help)} | {default} |")
    return "\n".join(rows) + "\n"


PAGES = {ERRORS: errors_page, SETTINGS: settings_page, COMMANDS: commands.page}


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    for page, make in PAGES.items():
        if "--write" in sys.argv:
            page.write_text(make(), encoding="utf-8")
        else:
            print(make(), end="")
