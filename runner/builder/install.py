"""Dependencies into layers: what a project's manifests name, installed in a sandbox that reaches the indexes.

A layer is kept by (manifests, platform, runtime, organization): install scripts run while it is made, and one
tenant's must not write what another's version is built from. Steps later see it read-only.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from runner.builder import go, problems, sandboxed, tree
from runner.builder.indexes import Indexes
from runner.builder.sandboxed import Command
from runner.builder.store import Store
from runner.sandbox import Limits, Network, SandboxLauncher, interpreters
from wistro.compiler.settings import read_settings
from wistro.errors import UserError
from wistro.hosts.port import Bind, Launch
from wistro.languages.runtimes import NotInstalled, find_node, find_python, matches
from wistro.protocol.bundle import Bundle, Layer

TIMEOUT_S = 600.0
MOST_BYTES = 1 << 30
PYTHON_AT = ".wistro/packages/python"
NODE_AT = "node_modules"
_PROJECT, _LAYER, _SCRATCH = Path("/project"), Path("/layer"), Path("/scratch")
_CA, _UV = Path("/.wistro-ca.pem"), Path("/.wistro-uv")
_LIMITS = Limits(memory_bytes=2 << 30, processes=512, tmp_bytes=512 << 20)
_INCLUDES = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[\s=]+(\S+)", re.MULTILINE)
_LOCAL = re.compile(r"^\s*(?:-e\b|--editable\b|\.|/|file:)|@\s*(?:file:|\.)", re.MULTILINE)
_ROOT_SCRIPTS = {"preinstall", "install", "postinstall", "prepare", "prepublish"}


@dataclass(frozen=True)
class Installed:
    """A layer, where its files lie on this disk, and what uploading it takes. One that only compiling needs stays here."""

    layer: Layer
    folder: Path
    tree: tree.Tree
    bundle: bytes
    only_compiles: bool = False


@dataclass(frozen=True)
class Installer:
    store: Store
    launcher: SandboxLauncher
    indexes: Indexes
    organization_id: str
    on_line: Callable[[str], None]

    async def install(self, project: Path, work: Path) -> list[Installed]:
        """Every layer that the project's manifests ask for, from this disk where it was made before."""
        settings, _ = read_settings(project)  # its problems are the compiler's to tell
        found = []
        if manifest := python_manifest(project):
            python = _python(project, settings.runtimes.get("python"))
            runtime = f"python-{'.'.join(_version(python).split('.')[:2])}"
            plan = _Plan("python", PYTHON_AT, _python_key(project, manifest), runtime)
            found.append(
                await self._layer(plan, project, work, self._uv(project, manifest, python))
            )
        if (project / "package.json").is_file():
            node = _node(project, settings.runtimes.get("node"))
            runtime = f"node-{_version(node).lstrip('v').split('.')[0]}"
            plan = _Plan("node", NODE_AT, _node_key(project), runtime)
            if _has_dependencies(project):
                found.append(await self._layer(plan, project, work, self._npm(project, node)))
        if go.has_modules(project) and (found_go := go.for_project(project)) is not None:
            runtime = f"go-{found_go.version}"
            plan = _Plan("go", go.MODULES_AT, go.manifests_key(project), runtime)
            made = await self._layer(plan, project, work, self._go(project, found_go))
            found.append(replace(made, only_compiles=True))
        return found

    async def _layer(self, plan: _Plan, project: Path, work: Path, command: _Install) -> Installed:
        key = plan.key(self.organization_id)
        folder = self.store.layers / key
        if not (folder / "bundle.json").is_file():
            self.on_line(f"$ {command.shown}")
            await self._make(folder, project, work, command)
        else:
            self.on_line(f"{plan.language} packages: unchanged, from an earlier build")
        bundle = (folder / "bundle.json").read_bytes()
        files = folder / "files"
        contents: dict[str, Path | bytes] = {}
        for entry in msgspec.json.decode(bundle, type=Bundle).files:
            path = files / entry.path
            is_link = entry.mode == "link"
            contents[entry.sha256] = str(path.readlink()).encode() if is_link else path
        layer = Layer(key, plan.language, plan.at, hashlib.sha256(bundle).hexdigest())
        return Installed(layer, files, tree.Tree([], contents), bundle)

    async def _make(self, folder: Path, project: Path, work: Path, command: _Install) -> None:
        making = folder.with_name(f".making-{folder.name}-{work.name}")
        shutil.rmtree(making, ignore_errors=True)
        (making / "files").mkdir(parents=True)
        scratch = work / "scratch"
        scratch.mkdir(exist_ok=True)
        source = command.source(work)
        binds = [
            Bind(source, _PROJECT, writable=not command.apart),
            Bind(making / "files", _LAYER if command.apart else _PROJECT / NODE_AT, writable=True),
            Bind(scratch, _SCRATCH, writable=True),
            Bind(self.indexes.ca, _CA),
            *command.binds,
        ]
        launch = Launch(
            command.argv, _PROJECT, self._environment() | command.env, {}, binds, label="install"
        )
        network = Network(exempt=self.indexes.reachable)
        try:
            ended = await sandboxed.run(
                self.launcher, Command(launch, network, _LIMITS, TIMEOUT_S, self.on_line)
            )
            if ended.exit != 0:
                raise problems.InstallFailed(f"`{command.shown}` failed (exit {ended.exit})")
            found = tree.collect(making / "files", keep=tree.everything, most_bytes=MOST_BYTES)
            (making / "bundle.json").write_bytes(msgspec.json.encode(Bundle(found.files)))
            shutil.rmtree(folder, ignore_errors=True)
            making.rename(folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)
            shutil.rmtree(scratch, ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        names = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
        return dict.fromkeys(names, str(_CA)) | {
            "TMPDIR": str(_SCRATCH),
            "HOME": str(_SCRATCH),
            "NO_PROXY": "",
            "no_proxy": "",
            "CI": "1",
        }

    def _uv(self, project: Path, manifest: str, python: Path) -> _Install:
        argv = [str(_UV), "pip", "install", "--target", str(_LAYER), "-r", manifest]
        env = {
            "UV_CACHE_DIR": str(_SCRATCH / "uv"),
            "UV_PYTHON": str(python),
            "UV_NO_CONFIG": "1",
            "UV_LINK_MODE": "copy",
            "UV_NO_PROGRESS": "1",
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_INDEX_STRATEGY": "unsafe-best-match",  # as pip chooses; the default index is one of ours too
        }
        if self.indexes.python:
            env["UV_DEFAULT_INDEX"] = self.indexes.python
        if self.indexes.python_extra:
            env["UV_INDEX"] = " ".join(self.indexes.python_extra)
        binds = [Bind(Path(_uv_program()), _UV)]
        binds += [Bind(folder, folder) for folder in interpreters.folders(python)]
        shown = f"uv pip install -r {manifest}"
        return _Install(argv, env, binds, shown, lambda work: project, apart=True)

    def _go(self, project: Path, found: go.Go) -> _Install:
        env = go.fetching(self.indexes, to=_LAYER, scratch=_SCRATCH) | {"PATH": found.path}
        binds = [*found.binds, go.sdk(project, _PROJECT)]
        argv = [str(found.program), "mod", "download"]
        return _Install(argv, env, binds, "go mod download", lambda work: project, apart=True)

    def _npm(self, project: Path, node: Path) -> _Install:
        verb = "ci" if (project / "package-lock.json").is_file() else "install"
        npm = shutil.which("npm") or str(node.with_name("npm"))
        options = ["--omit=dev", "--no-audit", "--no-fund", "--no-progress", "--loglevel=warn"]
        env = {
            "npm_config_cache": str(_SCRATCH / "npm"),
            "npm_config_cafile": str(_CA),
            "npm_config_update_notifier": "false",
            "PATH": f"{node.parent}:/usr/local/bin:/usr/bin:/bin",
        }
        if self.indexes.node:
            env["npm_config_registry"] = self.indexes.node
        binds = [Bind(folder, folder) for folder in interpreters.folders(Path(npm))]

        def source(work: Path) -> Path:
            """The manifests alone, unless the project's own scripts want the rest of it."""
            if _root_scripts(project):
                return project
            alone = work / "manifests"
            alone.mkdir(exist_ok=True)
            for name in ("package.json", "package-lock.json"):
                if (project / name).is_file():
                    shutil.copyfile(project / name, alone / name, follow_symlinks=False)
            return alone

        return _Install(
            [npm, verb, *options], env, binds, f"npm {verb} --omit=dev", source, apart=False
        )


@dataclass(frozen=True)
class _Plan:
    language: str
    at: str
    manifests: str
    runtime: str

    def key(self, organization_id: str) -> str:
        where = f"{sys.platform}-{platform.machine()}"
        parts = ["1", self.language, self.manifests, where, self.runtime, organization_id]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@dataclass(frozen=True)
class _Install:
    argv: list[str]
    env: dict[str, str]
    binds: list[Bind]
    shown: str
    source: Callable[[Path], Path]
    apart: bool  # installs into a folder of its own, not into the project's


def python_manifest(project: Path) -> str | None:
    """requirements.txt, else a pyproject.toml that is a project's."""
    if (project / "requirements.txt").is_file():
        return "requirements.txt"
    pyproject = project / "pyproject.toml"
    if pyproject.is_file() and "[project]" in pyproject.read_text(errors="replace"):
        return "pyproject.toml"
    return None


def _python_key(project: Path, manifest: str) -> str:
    """All that the manifest says, with what it includes; of a project that installs itself, all of it."""
    digest = hashlib.sha256()
    waiting, seen = [manifest], set()
    while waiting:
        name = waiting.pop()
        path = project / name
        if name in seen or ".." in Path(name).parts or path.is_symlink() or not path.is_file():
            continue
        seen.add(name)
        text = path.read_text(errors="replace")
        digest.update(f"{name}\0{text}\0".encode())
        if manifest == "requirements.txt":
            if _LOCAL.search(text):
                digest.update(_whole(project))
            included = _INCLUDES.findall(text)
            waiting += [str(Path(name).parent / each) for each in included]
    return digest.hexdigest()


def _node_key(project: Path) -> str:
    digest = hashlib.sha256()
    for name in ("package.json", "package-lock.json"):
        path = project / name
        digest.update(path.read_bytes() if path.is_file() else b"-")
        digest.update(b"\0")
    if _root_scripts(project):
        digest.update(_whole(project))
    return digest.hexdigest()


def _whole(project: Path) -> bytes:
    files = tree.collect(project, keep=tree.project_part).files
    return msgspec.json.encode(files)


def _manifest(project: Path) -> dict[str, object]:
    try:
        found = json.loads((project / "package.json").read_text())
    except (ValueError, OSError) as error:
        raise problems.InstallFailed(
            f"package.json is no JSON: {error}", where="package.json"
        ) from error
    return found if isinstance(found, dict) else {}


def _root_scripts(project: Path) -> bool:
    scripts = _manifest(project).get("scripts")
    return isinstance(scripts, dict) and bool(_ROOT_SCRIPTS & set(scripts))


def _has_dependencies(project: Path) -> bool:
    manifest = _manifest(project)
    return any(manifest.get(key) for key in ("dependencies", "optionalDependencies", "workspaces"))


def _python(project: Path, version: str | None) -> Path:
    """The interpreter itself, not the virtual environment that runs us: its packages are no tenant's."""
    try:
        found = find_python(project / ".none", version, "/usr/local/bin:/usr/bin:/bin")
    except NotInstalled as error:
        raise problems.RuntimeMissing(error.message, where="wistro.yml") from error
    return found.resolve()


def _node(project: Path, version: str | None) -> Path:
    try:
        found = find_node(project, version, "/usr/local/bin:/usr/bin:/bin") or Path()
    except NotInstalled as error:
        raise problems.RuntimeMissing(error.message, where="wistro.yml") from error
    if version is not None and not matches(version, _version(found)):
        raise problems.RuntimeMissing(
            f"Node {version} is asked for by `runtimes` and is not installed", where="wistro.yml"
        )
    return found


def _version(program: Path) -> str:
    """`3.11.7`, `v20.20.2`: the machine's own program, so it may be run here."""
    done = subprocess.run([str(program), "--version"], capture_output=True, text=True, timeout=20)
    words = (done.stdout or done.stderr).split()
    return words[-1] if words else ""


def _uv_program() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if found is None:
        raise UserError("uv is not installed beside the builder", hint="Install the runner group.")
    return found
