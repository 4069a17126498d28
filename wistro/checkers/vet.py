"""`go vet` over the packages of a project's Go steps; that they compile was seen when they were described."""

from __future__ import annotations

import os
import re
from pathlib import Path

from wistro.checkers.port import CheckerBroke, Finding, Place
from wistro.checkers.running import below, run
from wistro.languages.go import modules, toolchain

_SAID = re.compile(
    r"(?:vet: )?(?P<file>[^\s:][^:]*\.go):(?P<line>\d+)(?::(?P<column>\d+))?: (?P<message>.*)"
)


class Vet:
    name = "go vet"
    language = "go"
    files = (".go", "go.mod", "go.sum")

    def tool(self, place: Place) -> str:
        go = _go(place)
        return f"{go} {toolchain.version_of(go)} {modules.sdk_digest()}"

    def find(self, place: Place) -> list[Finding]:
        root = place.root
        folders = {
            Path(step.file).parent.as_posix()
            for step in place.lock.steps.values()
            if step.language == "go"
        }
        packages = [f"./{folder}" for folder in sorted(folders)]
        command = [str(_go(place)), "vet", "-mod=readonly", *packages]
        done = run(command, root=root, name="go vet", env=toolchain.environment())
        found = read(root, done.stderr)
        if done.returncode != 0 and not found:
            raise CheckerBroke(f"go vet ended with {done.returncode}: {done.stderr.strip()[:500]}")
        return found


def read(root: Path, text: str) -> list[Finding]:
    found: list[Finding] = []
    for line in text.splitlines():
        match = _SAID.fullmatch(line)
        if match:
            place = (int(match["line"]), int(match["column"] or 1))
            found.append(Finding(below(root, match["file"]), *place, match["message"], "go vet"))
    return found


def _go(place: Place) -> Path:
    version = place.lock.runtimes.get("go")
    return toolchain.find_or_install(place.root, version, os.environ.get("PATH", ""))
