"""TypeScript and JavaScript steps as the modules that hosts load: `.wistro/build/<key>/`, one esbuild call.

The key covers every step's digest, esbuild's version, the SDK and tsconfig.json, so what is there is right.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wistro.errors import UserError
from wistro.languages import kept
from wistro.languages.node import tools
from wistro.languages.runtimes import find_node
from wistro.lock.model import Lock

SDK = Path(__file__).parent / "sdk" / "index.js"
PREFIX = "node-"
TIMEOUT_S = 120
_SCRIPT = Path(__file__).parent / "build_steps.mjs"


class BuildFailed(UserError):
    """esbuild could not build the steps that the lock names."""

    code = "build.failed"
    hint = "Run `wistro lock` to see every problem with its line."


@dataclass
class Built:
    """`errors` are esbuild's {text, file, line}; `files` each entry's project files."""

    folder: Path
    files: dict[str, list[str]] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)

    def adopt(self, root: Path, lock: Lock) -> None:
        """Give it the name of what it was built from; an equal one that is there already stays."""
        digests = digests_of(lock)
        folder = folder_for(root, digests)
        (self.folder / "built.json").write_text(json.dumps(sorted(digests)))
        if _is_complete(folder):
            self.discard()
        else:
            shutil.rmtree(folder, ignore_errors=True)
            self.folder.rename(folder)
        kept.forget_old(folder, PREFIX)

    def discard(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def digests_of(lock: Lock) -> dict[str, str]:
    return {id: step.digest for id, step in lock.steps.items() if step.language == "node"}


def build(root: Path, lock: Lock) -> dict[str, str]:
    """Step id -> built module relative to `root`; builds only what is missing. Raises BuildFailed, NoTools."""
    digests = digests_of(lock)
    if not digests:
        return {}
    folder = folder_for(root, digests)
    if not _is_complete(folder):
        files = {id: lock.steps[id].file for id in digests}
        made = bundle(root, files, node=_node(root, lock))
        if made.errors:
            first = made.errors[0]
            raise BuildFailed(first["text"], where=f"{first['file']}:{first['line']}")
        made.adopt(root, lock)
    return {id: f"{folder.relative_to(root).as_posix()}/{id}.mjs" for id in sorted(digests)}


def bundle(root: Path, files: dict[str, str], *, node: Path) -> Built:
    """One esbuild call for these steps (id -> file) into a new folder, which its `adopt` or `discard` ends."""
    request = {
        "root": str(root),
        "esbuild": str(tools.esbuild(root)),
        "sdk": str(SDK),
        "entries": [{"file": file, "out": id} for id, file in sorted(files.items())],
    }
    made = Built(root / ".wistro" / "build" / f"new-node-{os.getpid()}")
    made.discard()
    made.folder.mkdir(parents=True)
    request["outdir"] = str(made.folder)
    done = subprocess.run(
        [str(node), str(_SCRIPT)],
        input=json.dumps(request).encode(),
        capture_output=True,
        cwd=root,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0 or not done.stdout:
        made.discard()
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise BuildFailed(f"esbuild did not run: {said[-1] if said else 'no reason given'}")
    answer = json.loads(done.stdout)
    if "errors" in answer:
        made.errors = answer["errors"]
        return made
    made.files = {file: _reached(file, answer["inputs"]) for file in files.values()}
    return made


def folder_for(root: Path, digests: dict[str, str]) -> Path:
    told = [tools.esbuild_version(), _SCRIPT.read_text(), _hash(SDK), _hash(root / "tsconfig.json")]
    told += [f"{id}={digest}" for id, digest in sorted(digests.items())]
    key = hashlib.sha256("\0".join(told).encode()).hexdigest()[:20]
    return root / ".wistro" / "build" / f"{PREFIX}{key}"


def _reached(entry: str, inputs: dict[str, list[str]]) -> list[str]:
    """The project's files that the entry imports, itself included; packages and our SDK are not the project's."""
    found: set[str] = set()
    waiting = [entry]
    while waiting:
        path = waiting.pop()
        if path not in found and path in inputs:
            found.add(path)
            waiting += inputs[path]
    return sorted(one for one in found if _is_own(one))


def _is_own(path: str) -> bool:
    parts = path.split("/")
    return (
        not path.startswith(("/", "("))
        and "node_modules" not in parts
        and not any(one.startswith(".") for one in parts)
    )


def _is_complete(folder: Path) -> bool:
    return (folder / "built.json").is_file()


def _node(root: Path, lock: Lock) -> Path:
    return find_node(root, lock.runtimes.get("node"), os.environ.get("PATH", ""))


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return "-"
