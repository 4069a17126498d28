"""A project's go.mod, and the SDK that it is wired to: `.wistro/sdk/go`, by a `replace`."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from wistro.errors import UserError
from wistro.languages.go import toolchain

SDK = Path(__file__).parent / "sdk"
SDK_MODULE = "wistro.dev/sdk"
SDK_AT = ".wistro/sdk/go"
_VERSION = "v0.0.0"
_TIMEOUT_S = 60


class NoModule(UserError):
    """A project has Go steps and no go.mod, or one that does not lead to wistro's SDK."""

    code = "lock.go-module"
    hint = "Run `wistro install`: it writes go.mod and its `replace`."


def module_of(root: Path, go: Path) -> str:
    """The project's module path, its SDK in place. Raises NoModule."""
    path = root / "go.mod"
    if not path.is_file():
        raise NoModule("the project has Go steps and no go.mod", where="go.mod")
    found = _read(root, go)
    if not _is_wired(found):
        raise NoModule(f"go.mod does not replace {SDK_MODULE} by ./{SDK_AT}", where="go.mod")
    put_sdk(root)
    return found["Module"]["Path"]


def wire(root: Path, go: Path, *, name: str) -> list[str]:
    """Write or complete go.mod; what was done, in words."""
    put_sdk(root)
    done: list[str] = []
    if not (root / "go.mod").is_file():
        version = ".".join(toolchain.version_of(go).split(".")[:2])
        (root / "go.mod").write_text(f"module {name}\n\ngo {version}\n", "utf-8")
        done.append("go.mod written")
    if not _is_wired(_read(root, go)):
        arguments = [
            f"-require={SDK_MODULE}@{_VERSION}",
            f"-replace={SDK_MODULE}=./{SDK_AT}",
        ]
        _go_mod(root, go, *arguments)
        done.append(f"go.mod replaces {SDK_MODULE}")
    return done


def put_sdk(root: Path) -> None:
    """The copy that this wistro ships, for the project's go.mod; an equal one stays."""
    target = root / SDK_AT
    mark = target / ".wistro-sdk"
    try:
        if mark.read_text("utf-8") == sdk_digest():
            return
    except OSError:
        pass
    beside = target.with_name(f"go.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    shutil.copytree(SDK, beside, ignore=shutil.ignore_patterns("*_test.go", "testdata"))
    (beside / mark.name).write_text(sdk_digest(), "utf-8")
    shutil.rmtree(target, ignore_errors=True)
    beside.rename(target)


@functools.cache
def sdk_digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(SDK.rglob("*")):
        if path.is_file() and not path.name.endswith("_test.go"):
            digest.update(f"{path.relative_to(SDK).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _is_wired(found: dict) -> bool:
    required = {one["Path"] for one in found.get("Require") or []}
    replaced = {one["Old"]["Path"]: one["New"]["Path"] for one in found.get("Replace") or []}
    return SDK_MODULE in required and replaced.get(SDK_MODULE) == f"./{SDK_AT}"


def _read(root: Path, go: Path) -> dict:
    return json.loads(_go_mod(root, go, "-json"))


def _go_mod(root: Path, go: Path, *arguments: str) -> bytes:
    done = subprocess.run(
        [str(go), "mod", "edit", *arguments],
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_TIMEOUT_S,
        check=False,
        env=toolchain.environment(),
    )
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise NoModule(f"go.mod cannot be read: {said.removeprefix('go: ')}", where="go.mod")
    return done.stdout
