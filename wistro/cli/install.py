"""`wistro install`: a project's Python, Node and Go packages, the SDK's types for editors, esbuild, and Go."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Annotated

import typer

from wistro.cli import say
from wistro.errors import UserError
from wistro.lock import file
from wistro.types import wire, write_types
from wistro.types.write import PYTHON_SDK, offer_sdk

TIMEOUT_S = 900


class InstallFailed(UserError):
    """uv, pip or npm could not install what the project asks for."""

    code = "install.failed"
    hint = "Its own words stand above."


def run(
    folder: Annotated[Path, typer.Argument(help="The project's folder.")] = Path(),
) -> int:
    """Example: wistro install

    Installs what requirements.txt or pyproject.toml and package.json name, into .venv and node_modules, and the modules
    of go.mod, which it writes where there are Go steps and none.
    """
    root = folder.resolve()
    python = _python(root)
    node = _node(root)
    go = _go(root)
    _types(root)
    if not python and not node and not go:
        say.done("Installed", "nothing: the project names no packages")
    if not _told_engine(root):
        say.next_step("wistro dev")
    return 0


def _told_engine(root: Path) -> bool:
    """Let a running `wistro dev` begin its hosts anew; says so. Whether an engine runs here."""
    from wistro.control.client import Running
    from wistro.protocol.operating import Changed

    running = Running.find(root)
    if running is None:
        return False
    if running.ask("POST", "reload", Changed).number:
        say.done("Reloaded", "`wistro dev`, which runs here")
    else:
        say.next_step("end `wistro start`, which runs here, and start it anew")
    return True


def _python(root: Path) -> bool:
    requirements, project = root / "requirements.txt", root / "pyproject.toml"
    if not requirements.is_file() and not project.is_file():
        return False
    from wistro.compiler.settings import read_settings
    from wistro.languages.runtimes import find_python

    settings, _ = read_settings(root)
    venv = root / ".venv"
    if not (venv / "bin" / "python").exists():
        program = find_python(root, settings.runtimes.get("python"), os.environ.get("PATH", ""))
        _make_venv(root, program)
    uv = _uv()
    program = venv / "bin" / "python"
    if requirements.is_file():
        wanted = ["-r", "requirements.txt"]
    elif uv:
        wanted = ["-r", "pyproject.toml"]
    else:
        wanted = _dependencies(project)
    if wanted:
        installer = [uv, "pip"] if uv else [str(program), "-m", "pip"]
        target = ["--python", str(program)] if uv else []
        _call([*installer, "install", "--quiet", *target, *wanted], root, "Python packages")
    _offer_python_sdk(root)
    say.done("Installed", "Python packages", ".venv")
    return True


def _uv() -> str | None:
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv")


def _make_venv(root: Path, program: Path) -> None:
    uv = _uv()
    command = (
        [uv, "venv", "--quiet", "--python", str(program), ".venv"]
        if uv
        else [str(program), "-m", "venv", ".venv"]
    )
    _call(command, root, ".venv")


def _dependencies(project: Path) -> list[str]:
    try:
        found = tomllib.loads(project.read_text("utf-8")).get("project", {}).get("dependencies", [])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InstallFailed(
            f"pyproject.toml cannot be read: {error}", hint="", where="pyproject.toml"
        ) from error
    return [str(one) for one in found]


def _offer_python_sdk(root: Path) -> None:
    """Editors and tests find `wistro_sdk`; at run time the host brings the copy of its own wistro."""
    offer_sdk(root, "python")
    for packages in (root / ".venv" / "lib").glob("python*/site-packages"):
        path = packages / "wistro_sdk.pth"
        line = os.path.relpath(root / PYTHON_SDK, packages) + "\n"
        if not path.is_file() or path.read_text() != line:
            path.write_text(line)


def _node(root: Path) -> bool:
    from wistro.compiler.find import find_steps
    from wistro.compiler.settings import read_settings
    from wistro.languages.node import tools

    settings, _ = read_settings(root)
    steps, _ = find_steps(root, settings.src)
    if not (root / "package.json").is_file() and not any(one.language == "node" for one in steps):
        return False
    if (root / "package.json").is_file():
        npm = shutil.which("npm")
        if npm is None:
            raise InstallFailed("npm is not on the PATH", hint="Install Node 20.19 or newer.")
        verb = "ci" if (root / "package-lock.json").is_file() else "install"
        _call([npm, verb, "--no-audit", "--no-fund", "--loglevel=error"], root, "Node packages")
        say.done("Installed", "Node packages", "node_modules")
    tools.esbuild(root)
    say.done("Installed", f"esbuild {tools.esbuild_version()}", ".wistro/tools")
    return True


def _go(root: Path) -> bool:
    from wistro.compiler.find import find_steps
    from wistro.compiler.settings import read_settings
    from wistro.languages.go import installing, toolchain

    settings, _ = read_settings(root)
    steps, _ = find_steps(root, settings.src)
    files = [one.file for one in steps if one.language == "go"]
    if not files and not (root / "go.mod").is_file():
        return False
    version = settings.runtimes.get("go")
    go = toolchain.find_or_install(root, version, os.environ.get("PATH", ""))
    for done in installing.install(root, files, go=go, name=settings.name or root.name):
        say.done("Installed", done, "go.mod")
    say.done("Installed", f"Go {toolchain.version_of(go)}", str(go))
    return True


def _types(root: Path) -> None:
    """Types of the committed lock, and the way to them; `wistro lock` and `wistro dev` keep them current."""
    from wistro.compiler.find import find_steps
    from wistro.compiler.settings import read_settings

    settings, _ = read_settings(root)
    steps, _ = find_steps(root, settings.src)
    languages = {one.language for one in steps}
    for language in sorted(languages):
        offer_sdk(root, language)
    javascript = any(one.file.endswith(("js", "jsx")) for one in steps)
    for advice in wire(root, languages, javascript=javascript):
        say.talk(f"  {advice}")
    try:
        write_types(root, file.read(root / file.NAME))
    except UserError:
        return  # no lock, or one that `wistro lock` writes anew: then the types come with it


def _call(command: list[str], root: Path, what: str) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InstallFailed(f"{what}: not done within {TIMEOUT_S} s") from error
    if done.returncode != 0:
        raise InstallFailed(f"{what}: `{Path(command[0]).name}` ended with {done.returncode}")
