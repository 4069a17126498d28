"""One program of all of a project's Go steps: generated files laid over the project's own, compiled by `go build`.

Laid over: in each of the project's packages an import of the SDK's boot, and where steps are, an init that tells the
host of every package-level variable; what of these is a step is seen when the program runs.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from wistro.languages.go import toolchain
from wistro.languages.go.modules import SDK_MODULE
from wistro.languages.go.packages import GoBroke, Mistake, Package, closure, mistakes
from wistro.languages.go.scan import Scanned

TIMEOUT_S = 600
GENERATED = "wistro_generated.go"
MAIN_FOLDER = "wistro_program"


@dataclass(frozen=True)
class StepFile:
    """One file to make steps of."""

    id: str
    file: str
    scanned: Scanned

    @property
    def folder(self) -> str:
        return self.file.rpartition("/")[0]


@dataclass
class Compiling:
    """What goes into the program, and where its parts are put meanwhile."""

    root: Path
    module: str
    go: Path
    files: list[StepFile]
    packages: dict[str, Package]
    folder: Path
    found: list[tuple[str, Mistake]] = field(default_factory=list)

    def run(self, output: Path) -> bool:
        """False when Go found mistakes; they are in `found`."""
        overlay = self.folder / "overlay.json"
        overlay.write_text(json.dumps({"Replace": self._generate()}), "utf-8")
        at = self._main_folder()
        command = [
            *(str(self.go), "build", "-mod=readonly", "-trimpath", "-buildvcs=false"),
            *("-ldflags=-s -w", f"-overlay={overlay}", "-o", str(output), f"./{at}"),
        ]
        try:
            done = subprocess.run(
                command,
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT_S,
                check=False,
                env=toolchain.environment(),
            )
        except subprocess.TimeoutExpired as error:
            raise GoBroke(f"`go build` took longer than {TIMEOUT_S} s") from error
        if done.returncode != 0:
            self.found = mistakes(self.root, done.stderr.decode("utf-8", "replace"))
        return done.returncode == 0

    def _generate(self) -> dict[str, str]:
        by_folder: dict[str, list[StepFile]] = {}
        for one in self.files:
            by_folder.setdefault(one.folder, []).append(one)
        paths = {package.folder: path for path, package in self.packages.items() if package.name}
        own = {
            package.folder: package
            for folder in by_folder
            for package in closure(self.packages, paths[folder])
        }
        texts = {
            f"{folder}/{GENERATED}" if folder else GENERATED: _additions(
                package, by_folder.get(folder, [])
            )
            for folder, package in own.items()
        }
        texts[f"{self._main_folder()}/main.go"] = _main(
            self.module, sorted(paths[folder] for folder in by_folder)
        )
        replaced: dict[str, str] = {}
        for number, (target, text) in enumerate(sorted(texts.items())):
            source = self.folder / f"{number}.go"
            source.write_text(text, "utf-8")
            replaced[str(self.root / target)] = str(source)
        return replaced

    def _main_folder(self) -> str:
        """Within the folder whose `internal` packages hold steps, as Go wants of who imports them."""
        above = ""
        for one in self.files:
            parts = one.folder.split("/")
            if "internal" in parts:
                parent = "/".join(parts[: len(parts) - 1 - parts[::-1].index("internal")])
                above = max(above, parent, key=len)
        return f"{above}/{MAIN_FOLDER}" if above else MAIN_FOLDER


def _additions(package: Package, files: list[StepFile]) -> str:
    rows = [f"package {package.name}", "", f'import _ "{SDK_MODULE}/boot"']
    told = [
        f"wistroHost.Add({_quoted(one.id)}, {_quoted(one.file)}, {_quoted(name)}, {line}, &{name})"
        for one in files
        for name, line in sorted(one.scanned.variables.items())
    ]
    if told:
        rows += [f'import wistroHost "{SDK_MODULE}/host"', "", "func init() {"]
        rows += [f"\t{row}" for row in told] + ["}"]
    return "\n".join([*rows, ""])


def _main(module: str, paths: list[str]) -> str:
    rows = ["package main", "", "import ("]
    rows += [f"\t_ {_quoted(path)}" for path in paths]
    rows += [f'\t"{SDK_MODULE}/host"', ")", "", f"func main() {{ host.Main({_quoted(module)}) }}"]
    return "\n".join([*rows, ""])


def _quoted(text: str) -> str:
    """A Go string; JSON's escapes are Go's."""
    return json.dumps(text, ensure_ascii=False)
