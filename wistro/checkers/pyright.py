"""pyright over the project's Python, by its own configuration where it has one."""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path
from typing import Any

import msgspec

from wistro.checkers import bundled, overloads, tools
from wistro.checkers.port import CheckerBroke, Finding, Place
from wistro.checkers.running import below, run
from wistro.types.wire import has_config, pyright_config

_CONFIG = ".wistro/check/pyrightconfig.json"
_OTHER_TOPIC = re.compile(
    r"\"Literal\['(?P<given>[^']*)'\]\" is not assignable to type \"Literal\['(?P<wanted>[^']*)'\]\""
)
_EMITS_NOTHING = 'to parameter "event" of type "Never" in function "emit"'
_EXTRA = 'is not assignable to item "extra_items"'
# A variable without a type of its own: pyright knows it as a dict of any keys.
_LOOSE = re.compile(r"\"dict\[str, [^\n]*\]\" is not assignable to \"(?P<type>\w+)\"$")
_OWN = ("basedpyright", "pyright")  # of a project's .venv


class Pyright:
    name = "pyright"
    language = "python"
    files = (".py", ".pyi", "pyrightconfig.json", "pyproject.toml")

    def tool(self, place: Place) -> str:
        own = _of_venv(place.root)
        if own is not None:
            return f"{own} {own.stat().st_mtime_ns} {place.python}"
        node, package = _of_npm(place)
        return f"{package} {tools.version(package)} {node} {place.python}"

    def find(self, place: Place) -> list[Finding]:
        root = place.root
        config = "." if has_config(root, "python") else _write_config(root)
        found = _run(place, config)
        found = overloads.explain(root, place.lock, found, ask=lambda path: _run(place, path))
        emits = {step.file: step.config.emits for step in place.lock.steps.values()}
        return [_reworded(one, emits.get(one.file or "", [])) for one in found]


def _run(place: Place, config: str) -> list[Finding]:
    argv = [*_program(place), "--outputjson", "--pythonpath", str(place.python), "-p", config]
    done = run(argv, root=place.root, name="pyright")
    return read(place.root, done.stdout, said=done.stderr)


def _program(place: Place) -> list[str]:
    own = _of_venv(place.root)
    if own is not None:
        return [str(own)]
    node, package = _of_npm(place)
    return [str(node), str(package / "index.js")]


def _of_npm(place: Place) -> tuple[Path, Path]:
    """A Node, and the package that it runs; both are fetched if need be."""
    if place.node is not None:
        return place.node, tools.module(place.root, "pyright")
    node = bundled.node(place.root)
    return node, tools.module(place.root, "pyright", npm=bundled.npm(node))


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
    except (ValueError, KeyError, TypeError) as error:
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


def _reworded(one: Finding, emits: list[str]) -> Finding:
    """pyright compares with one of the topics; which ones there are helps more."""
    if _EMITS_NOTHING in one.message and not emits:
        said = "this step emits nothing; name the topic in the `emits` of its config"
        return msgspec.structs.replace(one, message=said)
    if _EXTRA in one.message:
        lines = [line for line in one.message.split("\n") if not line.endswith('to type "Never"')]
        said = "\n".join(lines).replace(_EXTRA, "stands at a key that its type does not have")
        return msgspec.structs.replace(one, message=said)
    loose = _LOOSE.search(one.message)
    if loose is not None:
        said = (
            f"write the message in the emit itself, or give the variable its type, {loose['type']}"
        )
        return msgspec.structs.replace(one, message=f"{one.message}\n{said}")
    other = _OTHER_TOPIC.search(one.message)
    if other is None or other["given"] in emits or other["wanted"] not in emits:
        return one
    close = difflib.get_close_matches(other["given"], emits, n=1)
    meant = f"; did you mean `{close[0]}`?" if close else ""
    said = (
        f"this step emits {', '.join(f'`{name}`' for name in emits)}, not `{other['given']}`{meant}"
    )
    return msgspec.structs.replace(one, message=said)


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
