"""Ask each language to describe its step files, and remember the answers: unchanged files are not asked again."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wistro import __version__
from wistro.compiler import problems
from wistro.compiler.cache import Cache
from wistro.compiler.find import StepFile
from wistro.compiler.settings import Settings
from wistro.errors import UserError
from wistro.languages import LANGUAGES
from wistro.languages.node import build as node_build
from wistro.languages.node.describe import describe as describe_node
from wistro.languages.python.describe import describe as describe_python

Answers = dict[str, dict[str, Any]]
PLACEHOLDER = "wistro-describe"


@dataclass
class Described:
    """Each step's {config, handler, files} by id, a problem for each that has none, and node's bundle if one was made."""

    answers: Answers = field(default_factory=dict)
    problems: list[UserError] = field(default_factory=list)
    bundle: node_build.Built | None = None


def describe(
    root: Path, steps: list[StepFile], settings: Settings, *, now_cached: bool
) -> Described:
    """Ask the languages, at the same time."""
    cache = Cache(root)
    asks = [
        (language, mine)
        for language in ("python", "node")
        if (mine := [one for one in steps if one.language == language])
    ]
    found = Described()
    with ThreadPoolExecutor(max(1, len(asks))) as threads:
        waiting = [
            threads.submit(_language, root, language, mine, settings, cache, now_cached)
            for language, mine in asks
        ]
        for one in [waiting.result() for waiting in waiting]:
            found.answers |= one.answers
            found.problems += one.problems
            found.bundle = found.bundle or one.bundle
    cache.save({one.file for one in steps})
    return found


def _language(
    root: Path,
    language: str,
    steps: list[StepFile],
    settings: Settings,
    cache: Cache,
    now_cached: bool,
) -> Described:
    try:
        program = LANGUAGES[language].find(
            root, settings.runtimes.get(language), os.environ.get("PATH", "")
        )
    except UserError as error:
        return Described(problems=[error])
    env = environment(settings)
    fingerprint = _fingerprint(root, language, program, env)
    kept = {
        one.file: answer
        for one in steps
        if now_cached and (answer := cache.get(one.file, fingerprint)) is not None
    }
    asked = [one.file for one in steps if one.file not in kept]
    bundle: node_build.Built | None = None
    if asked:
        parallel = os.cpu_count() or 1
        try:
            if language == "python":
                fresh = describe_python(root, asked, python=program, env=env, parallel=parallel)
            else:
                every = {one.id: one.file for one in steps}
                fresh, bundle = describe_node(
                    root, every, asked=asked, node=program, env=env, parallel=parallel
                )
        except UserError as error:
            return Described(problems=[error])
        for file, answer in fresh.items():
            cache.put(file, fingerprint, answer)
        kept |= fresh
    return _sorted_out(steps, kept, bundle)


def _sorted_out(steps: list[StepFile], kept: Answers, bundle: node_build.Built | None) -> Described:
    found = Described(bundle=bundle)
    for step in steps:
        answer = kept[step.file]
        error = _problem(step, answer)
        if error is None:
            found.answers[step.id] = answer
        elif not any(_same(error, one) for one in found.problems):
            found.problems.append(error)
    return found


def _same(one: UserError, other: UserError) -> bool:
    """A mistake in a shared file is told once."""
    return (one.code, one.where, one.message) == (other.code, other.where, other.message)


def _problem(step: StepFile, answer: dict[str, Any]) -> UserError | None:
    if answer.get("late"):
        return problems.TooSlow(
            f"`{step.file}` takes more than 10 s to be imported", where=f"{step.file}:1"
        )
    if "died" in answer:
        return problems.CannotImport(
            f"`{step.file}` ends its process while it is imported (exit {answer['died']})",
            where=f"{step.file}:1",
        )
    found = answer.get("problem")
    if found is None:
        return None
    where = f"{found.get('at') or step.file}:{found['line'] or 1}"
    return problems.described(found["code"], found["message"], where=where, hint=found.get("hint"))


def environment(settings: Settings) -> dict[str, str]:
    """All that a step sees of the environment while it is described; the same on every machine but PATH and HOME."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
    fixed = {"TZ": "UTC", "PYTHONHASHSEED": "0", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
    declared = {
        one.name: PLACEHOLDER if one.default is None else one.default for one in settings.env
    }
    return kept | fixed | declared


def _fingerprint(root: Path, language: str, program: Path, env: dict[str, str]) -> str:
    """What besides its own files may change a step's description: the program, packages, variables, other modules."""
    told = [__version__, _ours(), language, str(program), _stamp(program.resolve())]
    told += [f"{key}={env[key]}" for key in sorted(env) if key not in ("PATH", "HOME", "TMPDIR")]
    if language == "python":
        packages = [
            *sorted((program.parent.parent / "lib").glob("python*/site-packages")),
            root / ".wistro" / "packages" / "python",
        ]
        told += [_stamp(one) for one in packages]
        told += sorted(_modules(root))
    else:
        told += [_stamp(root / "node_modules"), _stamp(root / "node_modules/.package-lock.json")]
        told += [_stamp(root / "tsconfig.json"), _stamp(root / "package.json")]
    return hashlib.sha256("\0".join(told).encode()).hexdigest()


def _modules(root: Path) -> list[str]:
    """Names of the project's modules that are no steps: a new one may shadow what a step imported."""
    found: list[str] = []
    for at, folders, files in os.walk(root):
        folders[:] = [one for one in folders if not one.startswith(".") and one != "node_modules"]
        found += [
            f"{at}/{one}" for one in files if one.endswith(".py") and not one.endswith("step.py")
        ]
    return found


def _stamp(path: Path) -> str:
    try:
        stat = path.stat()
    except OSError:
        return "-"
    return f"{path.name}:{stat.st_mtime_ns}:{stat.st_size}"


def _ours() -> str:
    """wistro's own describers: an editable install changes without its version."""
    folder = Path(__file__).parent.parent / "languages"
    files = [*folder.glob("python/describe*"), *folder.glob("node/describe*")]
    return ",".join(_stamp(one) for one in sorted(files))
