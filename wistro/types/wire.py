"""How editors, `tsc` and `pyright` find the generated types: tsconfig.json's paths and pyrightconfig.json.

A file that is another's work is only added to, and one that cannot be read as plain JSON is left alone: then what
to add is said.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from wistro.types.write import NODE, NODE_SDK, PYTHON, PYTHON_SDK

TSCONFIG = "tsconfig.json"
PYRIGHTCONFIG = "pyrightconfig.json"
PATHS = {"@wistro/sdk": [f"./{NODE}/index.d.ts", f"./{NODE_SDK}/index.d.ts"]}
EXTRA_PATHS = ["src", PYTHON, PYTHON_SDK]


def wire(root: Path, languages: set[str], *, javascript: bool = False) -> list[str]:
    """Make the types found by whoever looks at the project; what its author has to add by hand."""
    said: list[str] = []
    if "node" in languages:
        said += _wire_tsconfig(root / TSCONFIG, javascript=javascript)
    if "python" in languages:
        said += _wire_pyright(root)
    return said


def tsconfig(*, javascript: bool, above: str = "./") -> dict[str, Any]:
    """A project's, when it has none; `above` leads from the config to the project."""
    paths = {name: [above + one.removeprefix("./") for one in to] for name, to in PATHS.items()}
    options: dict[str, Any] = {
        "target": "ES2022",
        "module": "ESNext",
        "moduleResolution": "Bundler",
        "strict": True,
        "noEmit": True,
        "skipLibCheck": True,
        "paths": paths,
    }
    if javascript:
        options["allowJs"] = True
    return {"compilerOptions": options, "include": [above + "src", above + "tests"]}


def pyright_config(root: Path, *, above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"extraPaths": [above + one for one in EXTRA_PATHS]}
    if above:
        found |= {
            "include": [above or "."],
            "exclude": [f"{above}**/node_modules", f"{above}**/.*"],
        }
    elif (root / ".venv").is_dir():
        found |= {"venvPath": ".", "venv": ".venv"}
    return found


def is_wired(root: Path, language: str) -> bool:
    """Whether the project's own config leads to the types; a project without one is not asked."""
    if language == "node":
        return NODE in _text(root / TSCONFIG)
    if (root / PYRIGHTCONFIG).is_file():
        return PYTHON in _text(root / PYRIGHTCONFIG)
    return PYTHON in _text(root / "pyproject.toml")


def has_config(root: Path, language: str) -> bool:
    if language == "node":
        return (root / TSCONFIG).is_file()
    return (root / PYRIGHTCONFIG).is_file() or _pyproject_has_pyright(root)


def advice(language: str) -> str:
    if language == "node":
        return f"add to compilerOptions.paths in {TSCONFIG}: {json.dumps(PATHS)[1:-1]}"
    return f"add to pyright's extraPaths: {json.dumps(EXTRA_PATHS)}"


def _wire_tsconfig(path: Path, *, javascript: bool) -> list[str]:
    if not path.is_file():
        _write(path, tsconfig(javascript=javascript))
        return []
    if NODE in _text(path):
        return []
    try:
        config = json.loads(_text(path))
        paths = config.setdefault("compilerOptions", {}).setdefault("paths", {})
        paths.update(PATHS)
    except (ValueError, AttributeError):
        return [advice("node")]
    _write(path, config)
    return []


def _wire_pyright(root: Path) -> list[str]:
    path = root / PYRIGHTCONFIG
    if not path.is_file():
        if not _pyproject_has_pyright(root):
            _write(path, pyright_config(root))
            return []
        return [] if is_wired(root, "python") else [advice("python")]
    if PYTHON in _text(path):
        return []
    try:
        config = json.loads(_text(path))
        present = config.setdefault("extraPaths", [])
        present += [one for one in EXTRA_PATHS if one not in present]
    except (ValueError, AttributeError, TypeError):
        return [advice("python")]
    _write(path, config)
    return []


def _pyproject_has_pyright(root: Path) -> bool:
    try:
        return "pyright" in tomllib.loads(_text(root / "pyproject.toml")).get("tool", {})
    except tomllib.TOMLDecodeError:
        return False


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _write(path: Path, config: dict[str, Any]) -> None:
    path.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", "utf-8")
