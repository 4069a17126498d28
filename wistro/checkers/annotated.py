"""Which handlers have a type to be held to. One without is *unchecked*: it runs, and its mistakes show when it does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from wistro.checkers.port import Finding
from wistro.lock.model import Lock
from wistro.types import surface_of
from wistro.types.surface import StepTypes

_HANDLERS = re.compile(r"\bHandlers\s*\[\s*(['\"`])(?P<name>(?:(?!\1).)*)\1\s*\]")
_TS_CHECK = re.compile(r"^\s*//\s*@ts-check\b", re.MULTILINE)
_CHECK_JS = re.compile(r'"checkJs"\s*:\s*true')


@dataclass(frozen=True)
class Unchecked:
    """A step whose handler no checker holds to its types; `todo` is the line that changes it."""

    step: str
    file: str
    line: int
    why: str
    todo: str


def look(root: Path, lock: Lock) -> tuple[list[Unchecked], list[Finding]]:
    """The unchecked ones, and handlers that carry another step's type."""
    steps = surface_of(lock).steps
    unchecked: list[Unchecked] = []
    wrong: list[Finding] = []
    for one in steps:
        file = lock.steps[one.id].file
        try:
            text = (root / file).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            continue  # its compiler says more
        if one.language == "python":
            found = _python(one, file, text, others=steps)
        elif one.language == "node":
            found = _node(one, file, text, root)
        else:
            continue  # Go's steps are typed values
        if isinstance(found, Unchecked):
            unchecked.append(found)
        elif found is not None:
            wrong.append(found)
    return unchecked, wrong


def _python(
    step: StepTypes, file: str, text: str, *, others: Iterable[StepTypes]
) -> Unchecked | Finding | None:
    handler = _handler(text)
    wanted = _signature(step)
    if handler is None:
        return Unchecked(step.id, file, 1, "`handler` is not defined in the file", wanted)
    given = [*handler.args.posonlyargs, *handler.args.args]
    if not given:
        return Unchecked(step.id, file, handler.lineno, "`handler` takes nothing", wanted)
    for one in given:
        if one.annotation is None:
            return Unchecked(step.id, file, one.lineno, f"`{one.arg}` has no type", wanted)
    context = given[-1]
    name = _last_name(context.annotation)
    if name == step.type:
        return None
    other = next((one for one in others if one.type == name), None)
    if other is not None:
        said = f"`{context.arg}` has the type of `{other.label}`; this step's is `{step.type}`"
        return Finding(
            file, context.lineno, context.col_offset + 1, said, "wistro", "check.other-step"
        )
    return Unchecked(
        step.id, file, context.lineno, f"`{context.arg}` is not a `{step.type}`", wanted
    )


def _handler(text: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        return None
    named = [
        one
        for one in body
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and one.name == "handler"
    ]
    return named[-1] if named else None


def _signature(step: StepTypes) -> str:
    first = {"api": f"req: {step.request_type}, ", "event": f"message: {step.message_type}, "}
    return f"handler({first.get(step.kind, '')}ctx: {step.type}), with these from wistro_types"


def _last_name(annotation: ast.expr | None) -> str | None:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return annotation.value.rpartition(".")[2]
    if isinstance(annotation, ast.Attribute):
        return annotation.attr
    return annotation.id if isinstance(annotation, ast.Name) else None


def _node(step: StepTypes, file: str, text: str, root: Path) -> Unchecked | Finding | None:
    is_javascript = file.rpartition(".")[2] in ("js", "mjs", "cjs", "jsx")
    name = step.label.replace("\\", "\\\\").replace("'", "\\'")
    typed = f"Handlers['{name}']"
    todo = (
        f"`// @ts-check`, and /** @type {{import('@wistro/sdk').{typed}}} */ above the handler"
        if is_javascript
        else f"export const handler: {typed} = …"
    )
    names = {one["name"]: text.count("\n", 0, one.start()) + 1 for one in _HANDLERS.finditer(text)}
    if step.label not in names and name not in names:
        if names:
            other, line = next(iter(names.items()))
            said = f"`handler` has the type of `{other}`; this step's is {typed}"
            return Finding(file, line, 1, said, "wistro", "check.other-step")
        line = next((n for n, one in enumerate(text.split("\n"), 1) if "handler" in one), 1)
        return Unchecked(step.id, file, line, "`handler` has no type", todo)
    if is_javascript and not _TS_CHECK.search(text) and not _checks_all(root):
        return Unchecked(
            step.id,
            file,
            1,
            "JavaScript is checked where it says so",
            "// @ts-check as the first line",
        )
    return None


def _checks_all(root: Path) -> bool:
    try:
        return bool(_CHECK_JS.search((root / "tsconfig.json").read_text("utf-8", "replace")))
    except OSError:
        return False
