"""The generated files: `.wistro/types/python/wistro_types` and `.wistro/types/node`, and the SDKs they refer to.

A file is written only when it says something else, so that no editor or watcher stirs for nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

from wistro import languages
from wistro.lock.model import Lock
from wistro.types import node, python
from wistro.types.surface import surface_of

PYTHON = ".wistro/types/python"
NODE = ".wistro/types/node"
PYTHON_SDK = ".wistro/sdk/python"
NODE_SDK = ".wistro/sdk/node"
_LANGUAGES = Path(languages.__file__).parent


def write_types(root: Path, lock: Lock) -> list[str]:
    """Write what changed, for each language that the project has steps in; the files' names."""
    present = {step.language for step in lock.steps.values()}
    files: dict[str, str] = {}
    if present & {"python", "node"}:
        surface = surface_of(lock)
        if "python" in present:
            files |= {f"{PYTHON}/wistro_types/__init__.py": python.render(surface)}
        if "node" in present:
            files |= {f"{NODE}/index.d.ts": node.render(surface), f"{NODE}/index.js": node.MODULE}
    written = [name for name, text in files.items() if _write(root / name, text.encode())]
    return written + [name for language in sorted(present) for name in offer_sdk(root, language)]


def offer_sdk(root: Path, language: str) -> list[str]:
    """The SDK's copy that editors and checkers read; at run time the engine brings its own."""
    if language == "python":
        source, target = _LANGUAGES / "python" / "sdk", root / PYTHON_SDK
    elif language == "node":
        source, target = _LANGUAGES / "node" / "sdk", root / NODE_SDK
    else:
        return []
    files = [one for one in sorted(source.rglob("*")) if one.is_file() and one.suffix != ".pyc"]
    copied = [target / one.relative_to(source) for one in files]
    return [
        path.relative_to(root).as_posix()
        for path, one in zip(copied, files, strict=True)
        if _write(path, one.read_bytes())
    ]


def _write(path: Path, data: bytes) -> bool:
    try:
        if path.read_bytes() == data:
            return False
    except OSError:
        pass  # it is not there, or not a file that could be read: the write says so
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_bytes(data)
    beside.replace(path)
    return True
