"""A folder: its languages' programs and packages, wistro's own tools in it, its lock and its variables."""

from __future__ import annotations

import filecmp
import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wistro import languages
from wistro.compiler.find import find_steps
from wistro.compiler.settings import read_settings
from wistro.doctor.finding import Finding, bad, good, note
from wistro.errors import UserError
from wistro.languages import LANGUAGES, NotInstalled
from wistro.languages.node import tools
from wistro.languages.runtimes import matches
from wistro.lock import file
from wistro.variables import values_for

PROBE_S = 20.0
LEAST_NODE = (20, 19)
INSTALL = "Run `wistro install`."
_REQUIREMENT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_MISSING = """
import importlib.metadata as m, json, sys
missing = []
for name in json.load(sys.stdin):
    try: m.version(name)
    except m.PackageNotFoundError: missing.append(name)
json.dump(missing, sys.stdout)
"""


def every(root: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    settings, wrong = read_settings(root)
    steps, misnamed = find_steps(root, settings.src)
    yield _settings(settings.file, len(steps), [*wrong, *misnamed])
    used = sorted({one.language for one in steps})
    path = environ.get("PATH", os.defpath)
    for name in used:
        yield from _language(root, name, settings.runtimes.get(name), path)
    yield _lock(root, bool(steps))
    yield from _variables(root, environ)


def _settings(name: str | None, steps: int, wrong: list[UserError]) -> Finding:
    if wrong:
        first = wrong[0]
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        where = f" ({first.where})" if first.where else ""
        return bad("project", f"{first.message}{where}{more}", "`wistro lock` says all of it.")
    if steps == 0:
        return note("project", "no step is found", "`wistro init` makes a project to begin with.")
    return good("project", f"{steps} step{'' if steps == 1 else 's'}, {name or 'no wistro.yml'}")


def _language(root: Path, name: str, wanted: str | None, path: str) -> Iterator[Finding]:
    try:
        program = LANGUAGES[name].find(root, wanted, path)
    except NotInstalled as error:
        yield bad(name, error.message, error.hint or "")
        return
    version = _version(program)
    if version is None:
        yield bad(name, f"{program} does not run", "Install it anew.")
        return
    if wanted is not None and not matches(wanted, version):
        yield bad(name, f"{version}, and `runtimes` asks for {wanted}", NotInstalled.hint or "")
        return
    if name == "node" and tuple(map(int, version.split(".")[:2])) < LEAST_NODE:
        yield bad(name, f"{version} is too old", "Install Node 20.19 or newer.")
        return
    yield good(name, f"{version}  {program}")
    if name == "python":
        yield _python_packages(root, program)
        yield _same(root / ".wistro/sdk/python/wistro_sdk", "python/sdk/wistro_sdk", "Python")
    if name == "node":
        yield _node_packages(root)
        yield _same(root / ".wistro/sdk/node", "node/sdk", "Node")
        yield _esbuild(root)


def _version(program: Path) -> str | None:
    for flag in ("--version", "version"):
        try:
            done = subprocess.run(
                [program, flag], capture_output=True, timeout=PROBE_S, check=False, text=True
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        if done.returncode == 0 and (found := re.search(r"\d+\.\d+(\.\d+)?", done.stdout)):
            return found[0]
    return None


def _python_packages(root: Path, program: Path) -> Finding:
    name, wanted = "packages", _requirements(root)
    if not wanted:
        return good(name, "Python: none is asked for")
    done = subprocess.run(
        [program, "-I", "-c", _MISSING],
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        timeout=PROBE_S,
        check=False,
    )
    missing = json.loads(done.stdout) if done.returncode == 0 else wanted
    if missing:
        return bad(name, f"Python: not installed: {_some(missing)}", INSTALL)
    return good(name, f"Python: {len(wanted)} asked for, all installed")


def _requirements(root: Path) -> list[str]:
    """The names that the project asks for itself; those with a marker may not be for this machine."""
    lines: list[str] = []
    if (root / "requirements.txt").is_file():
        lines = (root / "requirements.txt").read_text("utf-8").splitlines()
    elif (root / "pyproject.toml").is_file():
        try:
            project = tomllib.loads((root / "pyproject.toml").read_text("utf-8")).get("project", {})
        except tomllib.TOMLDecodeError:
            return []
        lines = list(project.get("dependencies", []))
    asked = [line.partition("#")[0].strip() for line in lines]
    named = [one for one in asked if one and one[0] not in "-." and ";" not in one]
    return [found[0] for one in named if (found := _REQUIREMENT.match(one)) and "/" not in one]


def _node_packages(root: Path) -> Finding:
    name = "packages"
    try:
        package: dict[str, Any] = json.loads((root / "package.json").read_text("utf-8"))
    except FileNotFoundError:
        return good(name, "Node: none is asked for")
    except ValueError as error:
        return bad(name, f"package.json is no JSON: {error}", "Mend it.")
    wanted = [*package.get("dependencies", {}), *package.get("devDependencies", {})]
    missing = [
        one for one in wanted if not (root / "node_modules" / one / "package.json").is_file()
    ]
    if missing:
        return bad(name, f"Node: not installed: {_some(missing)}", INSTALL)
    return good(name, f"Node: {len(wanted)} asked for, all installed")


def _same(kept: Path, shipped: str, language: str) -> Finding:
    """Editors read a copy of the SDK's types; the engine runs its own, so an old one only misleads."""
    name, source = "sdk", Path(languages.__file__).parent / shipped
    if not kept.is_dir():
        return note(name, f"{language}: editors do not know its types", INSTALL)
    names = [one.name for one in source.iterdir() if one.is_file()]
    _, differ, errors = filecmp.cmpfiles(source, kept, names, shallow=False)
    if differ or errors:
        return note(name, f"{language}: the types here are of another wistro", INSTALL)
    return good(name, f"{language}: the types are this wistro's")


def _esbuild(root: Path) -> Finding:
    version = tools.esbuild_version()
    if tools.is_installed(root):
        return good("esbuild", version)
    return note("esbuild", f"{version} is not in .wistro/tools yet", INSTALL)


def _lock(root: Path, has_steps: bool) -> Finding:
    do = "Run `wistro lock`, and commit what it writes."
    try:
        lock = file.read(root / file.NAME)
        file.verify(root, lock)
    except file.NoLock:
        says = f"there is no {file.NAME}"
        return note("lock", says, do) if has_steps else good("lock", says)
    except UserError as error:
        return bad("lock", error.message, error.hint or do)
    return good("lock", f"{len(lock.steps)} steps, their files are those of the lock")


def _variables(root: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    try:
        lock = file.read(root / file.NAME)
        values = values_for(lock, root, environ)
    except file.NoLock:
        return
    except UserError as error:
        yield bad("variables", f"{error.message} ({error.where or root})", error.hint or "")
        return
    if values.missing:
        do = "Set them in the environment, or write NAME=value lines into .env."
        yield bad("variables", f"without a value: {', '.join(values.missing)}", do)
    elif values.found:
        yield good("variables", f"{len(values.found)} named, each has a value")


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
