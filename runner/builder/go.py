"""Go for the builder: the machine's toolchain, a project's modules as a layer, and a build cache an organization.

The modules are for compiling alone: what runs is one program, in the project's own bundle. A build cache is written
while a tenant's code is compiled and described, so no other organization's version is built from it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from runner.builder import problems
from runner.builder.indexes import Indexes
from runner.builder.store import Store
from runner.sandbox import interpreters
from wistro.compiler.find import find_steps
from wistro.compiler.settings import read_settings
from wistro.hosts.port import Bind
from wistro.languages.go import modules, toolchain
from wistro.languages.runtimes import NotInstalled

MODULES_AT = ".wistro/packages/go"
PATH = "/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin"
CACHE_BYTES = 4 << 30  # a larger cache is begun anew
_CACHE = Path("/.wistro-go-cache")


@dataclass(frozen=True)
class Go:
    """The toolchain that a project's steps are built with."""

    program: Path

    @property
    def version(self) -> str:
        return toolchain.version_of(self.program)

    @property
    def binds(self) -> list[Bind]:
        return [Bind(folder, folder) for folder in interpreters.folders(self.program)]

    @property
    def path(self) -> str:
        return f"{self.program.parent}:{PATH}"


def for_project(project: Path) -> Go | None:
    """None for a project without Go steps. Raises RuntimeMissing."""
    settings, _ = read_settings(project)  # its problems are the compiler's to tell
    steps, _ = find_steps(project, settings.src)
    if not any(step.language == "go" for step in steps):
        return None
    try:
        return Go(toolchain.find(project / ".none", settings.runtimes.get("go"), PATH))
    except NotInstalled as error:
        raise problems.RuntimeMissing(error.message, where="wistro.yml") from error


def has_modules(project: Path) -> bool:
    """Without outside modules there is no go.sum, and nothing to fetch."""
    path = project / "go.sum"
    return path.is_file() and not path.is_symlink() and path.stat().st_size > 0


def manifests_key(project: Path) -> str:
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum", "go.work", "go.work.sum"):
        path = project / name
        present = path.is_file() and not path.is_symlink()
        digest.update(path.read_bytes() if present else b"-")
        digest.update(b"\0")
    return digest.hexdigest()


def sdk(project: Path, into: Path) -> Bind:
    """What go.mod's `replace` leads to; the place for it is made."""
    (project / modules.SDK_AT).mkdir(parents=True, exist_ok=True)
    return Bind(modules.SDK, into / modules.SDK_AT)


def fetching(indexes: Indexes, *, to: Path, scratch: Path) -> dict[str, str]:
    """For `go mod download`: the machine's own proxies, and no version control, which could reach anywhere."""
    return {
        "GOPROXY": ",".join(indexes.go) or "off",
        "GOSUMDB": indexes.go_sums,
        "GONOSUMDB": indexes.go_without_sums,
        "GOMODCACHE": str(to),
        "GOCACHE": str(scratch / "go"),
        "GOFLAGS": "-modcacherw",
        "GOTOOLCHAIN": "local",
        "GOVCS": "*:off",
    }


def compiling(go: Go, store: Store, organization_id: str, project: Path) -> Compiling:
    """The toolchain and the organization's cache, for a sandbox without network in which the project is at `project`."""
    env = {
        "GOCACHE": str(_CACHE),
        "GOMODCACHE": str(project / MODULES_AT),
        "GOPROXY": "off",
        "GOSUMDB": "off",  # what go.sum says was held when the modules were fetched
        "GOTOOLCHAIN": "local",
        "PATH": go.path,
    }
    cache = Bind(cache_of(store, organization_id), _CACHE, writable=True)
    return Compiling([*go.binds, cache], env)


@dataclass(frozen=True)
class Compiling:
    binds: list[Bind]
    env: dict[str, str]


def cache_of(store: Store, organization_id: str) -> Path:
    folder = store.go_caches / hashlib.sha256(organization_id.encode()).hexdigest()[:32]
    if folder.is_dir() and _size(folder) > CACHE_BYTES:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(exist_ok=True)
    return folder


def _size(folder: Path) -> int:
    total = 0
    for at, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(
                FileNotFoundError
            ):  # another build of the organization is at it
                total += Path(at, name).lstat().st_size
    return total
