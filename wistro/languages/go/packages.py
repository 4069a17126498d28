"""The packages of a project's Go steps, as `go list` knows them: their files, what they import, what is wrong with them."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wistro.errors import UserError
from wistro.languages.go import toolchain

TIMEOUT_S = 120
_SOURCES = (
    *("GoFiles", "CgoFiles", "CFiles", "CXXFiles", "HFiles", "SFiles", "SysoFiles", "EmbedFiles"),
)
_FIELDS = (*("ImportPath", "Dir", "Name", "Standard", "Imports", "Error", "Module"), *_SOURCES)
_PLACE = re.compile(r"^(?P<file>.+?\.\w+):(?P<line>\d+)(?::\d+)?(?::\s*(?P<text>.*))?$")


class GoBroke(UserError):
    """`go` could not say what a project's packages are, or build them."""

    code = "lock.go"
    hint = "Its own words stand above; `go build ./...` says more."


@dataclass(frozen=True)
class Mistake:
    """What Go says is wrong; `file` is relative to the project, None when Go names none."""

    text: str
    file: str | None = None
    line: int = 1


@dataclass
class Package:
    """One of the project's own."""

    path: str
    name: str
    folder: str  # relative, POSIX; "" is the root
    files: list[str] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)


def read(root: Path, folders: list[str], *, go: Path) -> dict[str, Package]:
    """By import path: the packages in these folders and those of the project's that they import."""
    patterns = [f"./{folder}" if folder else "." for folder in folders]
    command = [str(go), "list", "-e", "-deps", "-mod=readonly", f"-json={','.join(_FIELDS)}"]
    done = subprocess.run(
        [*command, *patterns],
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
        env=toolchain.environment(),
    )
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise GoBroke(said.removeprefix("go: ") or "`go list` failed", where="go.mod")
    found: dict[str, Package] = {}
    for one in _objects(text):
        if not one.get("Standard") and (package := _package(root, one)) is not None:
            found[package.path] = package
    return found


def closure(packages: dict[str, Package], path: str) -> list[Package]:
    """The package and those of the project's that it is made of."""
    seen: dict[str, Package] = {}
    waiting = [path]
    while waiting:
        one = waiting.pop()
        if one in packages and one not in seen:
            seen[one] = packages[one]
            waiting += packages[one].imports
    return list(seen.values())


def mistakes(root: Path, text: str) -> list[tuple[str, Mistake]]:
    """What `go build` wrote: (package, mistake) each; the package is "" where none was named."""
    found: list[tuple[str, Mistake]] = []
    package = ""
    for row in text.splitlines():
        if row.startswith("# "):
            package = row[2:].split(" ", 1)[0]
        elif (match := _PLACE.match(row)) and match["text"] and not row.startswith("\t"):
            file = relative(root, match["file"])
            found.append((package, Mistake(match["text"], file, int(match["line"]))))
        elif row.startswith("\t") and found:
            package_of, last = found[-1]
            more = Mistake(f"{last.text} {row.strip()}", last.file, last.line)
            found[-1] = (package_of, more)
        elif row.strip() and row.strip() != "too many errors":
            found.append((package, Mistake(row.strip().removeprefix("go: "))))
    return found


def relative(root: Path, file: str) -> str | None:
    path = Path(root, file)
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return None


def _objects(text: str) -> list[dict[str, Any]]:
    decoder = json.JSONDecoder()
    found, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        one, at = decoder.raw_decode(text, at)
        found.append(one)
    return found


def _package(root: Path, one: dict[str, Any]) -> Package | None:
    """None for a package that is not the project's: of another module, or ours."""
    error = one.get("Error")
    folder = relative(root, one["Dir"]) if one.get("Dir") else None
    if folder is None or folder.split("/")[0].startswith(".wistro") or _is_foreign(one):
        if error is None or one.get("Dir"):
            return None
        # A package that is not there: told where it is imported.
        return Package(one["ImportPath"], "", "", mistakes=[_mistake(root, error)])
    below = "" if folder == "." else folder
    files = [name for kind in _SOURCES for name in one.get(kind) or []]
    return Package(
        one["ImportPath"],
        one.get("Name", ""),
        below,
        sorted(f"{below}/{name}" if below else name for name in files),
        one.get("Imports") or [],
        [_mistake(root, error)] if error else [],
    )


def _is_foreign(one: dict[str, Any]) -> bool:
    """A module of its own, vendored or fetched, is no part of the project even below its folder."""
    module = one.get("Module") or {}
    return bool(module) and not module.get("Main") and not module.get("Replace")


def _mistake(root: Path, error: dict[str, Any]) -> Mistake:
    text = str(error.get("Err", "")).strip()
    match = _PLACE.match(str(error.get("Pos") or ""))
    if match is None and (inner := _PLACE.match(text.splitlines()[0] if text else "")):
        match, text = inner, inner["text"] or text
    first = text.splitlines()[0] if text else "it cannot be read"
    first = first.removesuffix(": import lookup disabled by -mod=readonly")
    if match is None:
        return Mistake(first)
    return Mistake(first, relative(root, match["file"]), int(match["line"]))
