"""A Motia 0.17 project as one of ours: what is changed in its files, and what nobody can carry over for it.

Step files stay as they are but for where they import types from. `plan` only reads; `apply` writes what it says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wistro.errors import UserError
from wistro.lock import strict_yaml
from wistro.protocol import variables

FOLDERS = ("src", "steps")
SETTINGS = "wistro.yml"
MOST_FILES = 5_000
_SKIPPED = {
    "node_modules",
    "python_modules",
    "dist",
    ".git",
    ".motia",
    ".wistro",
    ".venv",
    "venv",
    "__pycache__",
}
_SOURCE = {".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".py", ".rb"}
SCRIPTS = {
    "motia dev": "wistro dev",
    "motia start": "wistro start",
    "motia build": "wistro lock",
    "motia generate-types": "wistro lock",
    "motia install": "wistro install",
}
# Names of `motia` that `@wistro/sdk` has too; of what else a file imports from it, it is said.
TYPES = {
    *("ApiRouteConfig", "EventConfig", "CronConfig", "NoopConfig", "StepConfig", "Handlers"),
    *(
        "ApiRequest",
        "ApiResponse",
        "FlowContext",
        "ApiRouteHandler",
        "StepHandler",
        "EventHandler",
        "CronHandler",
    ),
}
_IMPORT = re.compile(
    r"""^([ \t]*import\s+(?:type\s+)?\{([^}]*)\}\s+from\s+)(['"])motia\3""", re.MULTILINE
)
_OTHER_IMPORT = re.compile(r"""(?:from|require\(|import)\s*\(?['"](motia|@motiadev/[^'"]+)['"]""")
_ENVIRONMENT = re.compile(
    r"""process\.env\.([A-Z][A-Z0-9_]*)|process\.env\[['"]([A-Z][A-Z0-9_]*)['"]\]"""
    r"""|os\.environ(?:\.get\(|\[)['"]([A-Z][A-Z0-9_]*)['"]|os\.getenv\(['"]([A-Z][A-Z0-9_]*)['"]"""
)
_STREAMS = re.compile(r"(?<=[{,.])\s*streams\b")
_FLOWS = re.compile(r"""['"]?flows['"]?\s*:\s*\[([^\]]*)\]""")
_QUOTED = re.compile(r"""['"]([^'"]+)['"]""")


class NoMotia(UserError):
    """The folder holds nothing of Motia's."""

    code = "import.no-motia"
    hint = "Name the project's folder: the one with its package.json and motia.config.ts."


class AlreadyImported(UserError):
    """The project has a wistro.yml: what an import would write there might not be what stands there."""

    code = "import.already"
    hint = "`wistro lock` says what is still wrong; remove wistro.yml to import again."


@dataclass(frozen=True)
class Change:
    file: str
    what: str


@dataclass(frozen=True)
class Left:
    """What cannot be carried over; `where` is file or file:line."""

    where: str
    what: str
    hint: str


@dataclass
class Plan:
    """`texts` are the files' new contents by path; None takes one away."""

    texts: dict[str, str | None] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)

    def change(self, file: str, text: str | None, *whats: str) -> None:
        self.texts[file] = text
        self.changes += [Change(file, what) for what in whats]


def plan(root: Path) -> Plan:
    """Raises NoMotia, AlreadyImported."""
    package = _package(root)
    if not _is_motia(root, package):
        raise NoMotia(f"{root.name or root} is no Motia project")
    if (root / SETTINGS).exists() or (root / "wistro.json").exists():
        raise AlreadyImported("the project has a wistro.yml")
    found = Plan()
    sources = list(_sources(root))
    for path in sources:
        _source(root, path, found)
    _package_json(root, package, found)
    _settings(root, sources, found)
    _config(root, found)
    found.left.sort(key=lambda one: one.where)
    return found


def apply(root: Path, found: Plan) -> None:
    for name, text in found.texts.items():
        if text is None:
            (root / name).unlink()
        else:
            (root / name).write_text(text, encoding="utf-8")


def _is_motia(root: Path, package: dict[str, Any] | None) -> bool:
    has_package = package is not None and any("motia" in _mapping(package, kind) for kind in _KINDS)
    return has_package or any(
        (root / name).exists() for name in ("motia.config.ts", "motia-workbench.json")
    )


# package.json

_KINDS = ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies")


def _package(root: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((root / "package.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _mapping(package: dict[str, Any], kind: str) -> dict[str, Any]:
    found = package.get(kind)
    return found if isinstance(found, dict) else {}


def _package_json(root: Path, package: dict[str, Any] | None, found: Plan) -> None:
    if package is None:
        return
    whats: list[str] = []
    for kind in _KINDS:
        gone = [name for name in _mapping(package, kind) if _is_of_motia(name)]
        for name in gone:
            del _mapping(package, kind)[name]
        if gone:
            whats.append(f"no longer depends on {', '.join(gone)}")
    scripts = _mapping(package, "scripts")
    for name, command in list(scripts.items()):
        if not isinstance(command, str) or "motia" not in command:
            continue
        if name == "postinstall" and command.strip() == "motia install":
            del scripts[name]
            whats.append("script `postinstall` is gone: `wistro install` is run by hand")
        elif (new := _command(command)) != command:
            scripts[name] = new
            whats.append(f"script `{name}`: {command} -> {new}")
        elif re.search(r"\bmotia [a-z]", command):
            what = f"script `{name}` runs `{command}`"
            found.left.append(Left("package.json", what, "wistro has no such command"))
    if whats:
        text = json.dumps(package, indent=2, ensure_ascii=False) + "\n"
        found.change("package.json", text, *whats)
        if (root / "package-lock.json").exists():
            found.left.append(
                Left("package-lock.json", "still names Motia's packages", "run `npm install` once")
            )


def _is_of_motia(name: str) -> bool:
    return name == "motia" or name.startswith("@motiadev/")


def _command(command: str) -> str:
    for motias, ours in SCRIPTS.items():
        command = re.sub(rf"\b{re.escape(motias)}\b", ours, command)
    return command


# Sources


def _sources(root: Path) -> Iterator[Path]:
    """The project's own source files, in order of their path."""
    number = 0
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")) if (root / folder).is_dir() else []:
            if (
                path.suffix in _SOURCE
                and path.is_file()
                and not _SKIPPED & set(path.relative_to(root).parts)
            ):
                number += 1
                if number > MOST_FILES:
                    return
                yield path


def _source(root: Path, path: Path, found: Plan) -> None:
    name = path.relative_to(root).as_posix()
    if (refusal := _kind(path)) is not None:
        found.left.append(Left(name, *refusal))
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix != ".py" and (new := _IMPORT.sub(_reimported, text)) != text:
        found.change(name, new, "types come from '@wistro/sdk'")
        text = new
    for at in _OTHER_IMPORT.finditer(text):
        found.left.append(
            Left(
                _at(name, text, at.start()),
                f"imports from `{at[1]}`",
                "remove it: what a step needs is in its handler's context",
            )
        )
    if _is_step(path) and (at := _STREAMS.search(text)):
        found.left.append(
            Left(
                _at(name, text, at.start()),
                "uses `streams`, which wistro does not have",
                "keep values in `state`; answer a browser with a streamed answer",
            )
        )


def _reimported(found: re.Match[str]) -> str:
    names = [
        one.strip().removeprefix("type ").split(" as ")[0].strip() for one in found[2].split(",")
    ]
    if any(name and name not in TYPES for name in names):
        return found[0]
    head = (
        found[1]
        if "import type" in found[1]
        else re.sub(r"import\s+", "import type ", found[1], count=1)
    )
    head = re.sub(r"([{,]\s*)type\s+", r"\1", head)
    return f"{head}{found[3]}@wistro/sdk{found[3]}"


def _kind(path: Path) -> tuple[str, str] | None:
    stem = path.name.partition(".")[0]
    if path.suffix == ".rb":
        return "is Ruby, which wistro does not run", "write the step in Python, TypeScript or Go"
    if ".stream." in path.name or stem.endswith("_stream"):
        return "is a stream, which wistro does not have", "keep values in `state`; see docs/guides"
    if path.suffix in (".tsx", ".jsx") and ".step." in path.name:
        return (
            "draws a step in Motia's Workbench",
            "remove it; the screens draw steps by themselves",
        )
    return None


def _is_step(path: Path) -> bool:
    return ".step." in path.name or path.stem.endswith("_step")


def _at(name: str, text: str, offset: int) -> str:
    return f"{name}:{text.count(chr(10), 0, offset) + 1}"


# wistro.yml and what is left of Motia's own settings


def _settings(root: Path, sources: list[Path], found: Plan) -> None:
    """Every endpoint of Motia's is open, and its steps read the whole environment: both are said now."""
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in sources]
    named = {
        name for text in texts for names in _ENVIRONMENT.findall(text) for name in names if name
    }
    env = sorted(
        name for name in named if variables.is_name(name) and not variables.is_reserved(name)
    )
    flows = {
        flow for text in texts for given in _FLOWS.findall(text) for flow in _QUOTED.findall(given)
    }
    value: dict[str, Any] = {"defaults": {"public": True}}
    whats = ["`defaults: {public: true}`: Motia's endpoints name no caller; give each an `auth`"]
    if env:
        value["env"] = env
        whats.append(
            f"`env`: {', '.join(env)}, since steps see only what is declared: set them in .env, or give a default"
        )
    if flows:
        value["flows"] = {flow: {"name": _titled(flow)} for flow in sorted(flows)}
        whats.append(f"`flows`: {', '.join(sorted(flows))}")
    found.change(SETTINGS, strict_yaml.write(value), *whats)
    ignored = root / ".gitignore"
    lines = ignored.read_text(encoding="utf-8").splitlines() if ignored.exists() else []
    if not {".wistro", ".wistro/", "/.wistro", "/.wistro/"} & {line.strip() for line in lines}:
        found.change(".gitignore", "\n".join([*lines, ".wistro/", ""]), "ignores `.wistro/`")


def _titled(flow: str) -> str:
    words = re.sub(r"[-_]+", " ", flow).strip()
    return words[:1].upper() + words[1:]


def _config(root: Path, found: Plan) -> None:
    if (root / "motia-workbench.json").exists():
        found.change("motia-workbench.json", None, "is gone: places in a drawing are worked out")
    if (root / "types.d.ts").exists() and "motia" in (root / "types.d.ts").read_text(
        errors="replace"
    ):
        found.change("types.d.ts", None, "is gone: `wistro lock` generates types")
    config = root / "motia.config.ts"
    if not config.exists():
        return
    text = config.read_text(encoding="utf-8", errors="replace")
    found.change("motia.config.ts", None, "is gone: nothing reads it")
    plugins = [
        name for name in re.findall(r"@motiadev/plugin-([a-z]+)", text) if name not in _SCREENS
    ]
    for name in sorted(set(plugins)):
        found.left.append(Left("motia.config.ts", f"plugin `{name}`", "wistro has no plugins"))
    for key, hint in _SETTINGS:
        if at := re.search(rf"\b{key}\b\s*[:(]", text):
            found.left.append(Left(_at("motia.config.ts", text, at.start()), f"`{key}`", hint))


_SCREENS = {
    "endpoint",
    "logs",
    "observability",
    "states",
    "bullmq",
    "cron",
}  # our screens and commands show these
_SETTINGS = (
    ("adapters", "name the state's in wistro.yml: `state: {adapter: redis, url: $REDIS_URL}`"),
    ("streamAuth", "wistro has no streams"),
    ("app", "put what an Express app did into a step's `middleware`"),
    ("redis", "wistro needs no Redis"),
)
