"""Reference pages made from the code: `python -m infra.reference --write`; a test compares what is committed.

docs/errors.md lists every `UserError` with its code, meaning and hint, found by reading the source: nothing is imported.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("wistro", "runner", "hub", "infra")
ERRORS = ROOT / "docs" / "errors.md"


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


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    if "--write" in sys.argv:
        ERRORS.write_text(errors_page(), encoding="utf-8")
    else:
        print(errors_page(), end="")
