"""pyright over the project's Python, by its own configuration where it has one."""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path
from typing import Any

import msgspec

from wistro.checkers import tools
from wistro.checkers.port import CheckerBroke, Finding, Place
from wistro.checkers.running import below, run
from wistro.types.wire import has_config, pyright_config

_CONFIG = ".wistro/check/pyrightconfig.json"
_OTHER_TOPIC = re.compile(
    r"\"Literal\['(?P<given>[^']*)'\]\" is not assignable to type \"Literal\['(?P<wanted>[^']*)'\]\""
)
_OWN = ("basedpyright", "pyright")  # of a project's .venv


class Pyright:
    name = "pyright"
    language = "python"
    files = (".py", ".pyi", "pyrightconfig.json", "pyproject.toml")

    def tool(self, place: Place) -> str:
        own = _of_venv(place.root)
        if own is not None:
            return f"{own} {own.stat().st_mtime_ns} {place.python}"
        package = tools.module(place.root, "pyright")
        return f"{package} {tools.version(package)} {place.python}"

    def find(self, place: Place) -> list[Finding]:
        root = place.root
        config = "." if has_config(root, "python") else _write_config(root)
        done = run(
            [*_program(place), "--outputjson", "--pythonpath", str(place.python), "-p", config],
            root=root,
            name="pyright",
        )
        found = read(root, done.stdout, said=done.stderr)
        emits = {step.file: step.config.emits for step in place.lock.steps.values()}
        return [_named_topic(one, emits.get(one.file or "", [])) for one in found]


def _program(place: Place) -> list[str]:
    own = _of_venv(place.root)
    if own is not None:
        return [str(own)]
    if place.node is None:
        raise tools.NoCheckers("pyright needs Node, which is not on the PATH")
    return [str(place.node), str(tools.module(place.root, "pyright") / "index.js")]


def _of_venv(root: Path) -> Path | None:
    """The project's own, unless npm has one too."""
    if tools.version(root / "node_modules" / "pyright") is not None:
        return None
    programs = [root / ".venv" / "bin" / name for name in _OWN]
    return next((one for one in programs if one.exists()), None)


def _write_config(root: Path) -> str:
    path = root / _CONFIG
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(pyright_config(root, above="../../"), indent=2), "utf-8")
    return _CONFIG


def read(root: Path, text: str, *, said: str = "") -> list[Finding]:
    try:
        answer: dict[str, Any] = json.loads(text)
        return _joined([_finding(root, one) for one in answer["generalDiagnostics"]])
    except (ValueError, KeyError) as error:
        raise CheckerBroke(f"pyright did not answer: {(said or text).strip()[:500]}") from error


def _finding(root: Path, one: dict[str, Any]) -> Finding:
    start = one.get("range", {}).get("start", {"line": 0, "character": 0})
    return Finding(
        below(root, one["file"]) if one.get("file") else None,
        start["line"] + 1,
        start["character"] + 1,
        one["message"].replace("\xa0", " "),
        "pyright",
        one.get("rule", ""),
        one["severity"] == "error",
    )


def _named_topic(one: Finding, emits: list[str]) -> Finding:
    """pyright compares with one of the topics; which ones there are helps more."""
    said = _OTHER_TOPIC.search(one.message)
    if said is None or said["given"] in emits or said["wanted"] not in emits:
        return one
    close = difflib.get_close_matches(said["given"], emits, n=1)
    meant = f"; did you mean `{close[0]}`?" if close else ""
    message = (
        f"this step emits {', '.join(f'`{name}`' for name in emits)}, not `{said['given']}`{meant}"
    )
    return msgspec.structs.replace(one, message=message)


def _joined(found: list[Finding]) -> list[Finding]:
    """A call that no overload takes is told twice, the second time with the reason: the second stays."""
    explained = {(one.file, one.line) for one in found if one.rule == "reportArgumentType"}
    return [
        one
        for one in found
        if not (
            one.rule == "reportCallIssue"
            and one.message.startswith("No overloads")
            and (one.file, one.line) in explained
        )
    ]
