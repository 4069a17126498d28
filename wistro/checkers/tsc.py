"""tsc over the project's tsconfig.json, JavaScript included: `// @ts-check` decides which of it is held to its types."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from wistro.checkers import tools
from wistro.checkers.port import CheckerBroke, Finding, Place
from wistro.checkers.running import below, run
from wistro.types.wire import TSCONFIG, has_config, tsconfig

_CONFIG = ".wistro/check/tsconfig.json"
_ABOVE = "../../"
_SAID = re.compile(
    r"(?:(?P<file>.+?)\((?P<line>\d+),(?P<column>\d+)\): )?(?P<kind>error|warning) (?P<rule>TS\d+): (?P<message>.*)"
)
_NAMES_FILES = re.compile(r'"(?:include|files)"\s*:')


class Tsc:
    name = "tsc"
    language = "node"
    files = (
        ".ts",
        ".tsx",
        ".mts",
        ".cts",
        ".js",
        ".mjs",
        ".cjs",
        ".jsx",
        "tsconfig.json",
        "package.json",
    )

    def tool(self, place: Place) -> str:
        package = tools.module(place.root, "typescript")
        return f"{package} {tools.version(package)} {place.node}"

    def find(self, place: Place) -> list[Finding]:
        root = place.root
        compiler = tools.module(root, "typescript") / "bin" / "tsc"
        steps = place.lock.steps.values()
        write_config(root, sorted({one.file for one in steps if one.language == "node"}))
        done = run(
            [str(place.node), str(compiler), "-p", _CONFIG, "--pretty", "false"],
            root=root,
            name="tsc",
        )
        found = read(root, done.stdout)
        if done.returncode != 0 and not found:
            raise CheckerBroke(
                f"tsc ended with {done.returncode}: {(done.stderr or done.stdout).strip()[:500]}"
            )
        return found


def write_config(root: Path, steps: list[str]) -> None:
    """The project's own options and files, and every step; what it says of emitting and of JavaScript is ours."""
    path = root / _CONFIG
    if has_config(root, "node"):
        config: dict[str, Any] = {
            "extends": _ABOVE + TSCONFIG,
            "compilerOptions": {"allowJs": True, "noEmit": True},
        }
        if not _NAMES_FILES.search((root / TSCONFIG).read_text("utf-8", "replace")):
            config |= {"include": [_ABOVE + "**/*"], "exclude": [_ABOVE + "node_modules"]}
    else:
        config = tsconfig(javascript=True, above=_ABOVE)
        config |= {"include": [_ABOVE + "**/*"], "exclude": [_ABOVE + "node_modules"]}
    config["files"] = [_ABOVE + file for file in steps]
    config["compilerOptions"] |= {
        "incremental": True,
        "tsBuildInfoFile": "./tsc.json",
        "composite": False,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(config, indent=2), "utf-8")


def read(root: Path, text: str) -> list[Finding]:
    """tsc's lines; an indented one goes on with the one before."""
    found: list[Finding] = []
    for line in text.splitlines():
        match = _SAID.fullmatch(line)
        if match:
            file = match["file"] and below(root, match["file"])
            place = (int(match["line"] or 1), int(match["column"] or 1))
            found.append(
                Finding(
                    file, *place, match["message"], "tsc", match["rule"], match["kind"] == "error"
                )
            )
        elif found and line.startswith(" "):
            last = found[-1]
            found[-1] = Finding(
                last.file,
                last.line,
                last.column,
                f"{last.message}\n{line.rstrip()}",
                "tsc",
                last.rule,
                last.is_error,
            )
    return found
