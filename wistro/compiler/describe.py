"""Ask each language to describe its step files, and remember the answers: unchanged files are not asked again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from wistro import __version__
from wistro.compiler import problems
from wistro.compiler.cache import Cache
from wistro.compiler.find import StepFile
from wistro.compiler.settings import Settings
from wistro.errors import UserError
from wistro.languages import LANGUAGES
from wistro.languages.python.describe import describe as describe_python

Answers = dict[str, dict[str, Any]]
PLACEHOLDER = "wistro-describe"


def describe(
    root: Path, steps: list[StepFile], settings: Settings, *, now_cached: bool
) -> tuple[Answers, list[UserError]]:
    """Each step's {config, handler, files} by id, and a problem for each that has none."""
    answers: Answers = {}
    wrong: list[UserError] = []
    asks = [
        (language, [one for one in steps if one.language == language]) for language in _DESCRIBERS
    ]
    cache = Cache(root)
    with ThreadPoolExecutor(len(asks)) as threads:
        waiting = [
            threads.submit(_language, root, language, mine, settings, cache, now_cached)
            for language, mine in asks
            if mine
        ]
        for one in waiting:
            found, more = one.result()
            answers |= found
            wrong += more
    cache.save({one.file for one in steps})
    return answers, wrong


def _language(
    root: Path,
    language: str,
    steps: list[StepFile],
    settings: Settings,
    cache: Cache,
    now_cached: bool,
) -> tuple[Answers, list[UserError]]:
    try:
        program = LANGUAGES[language].find(
            root, settings.runtimes.get(language), os.environ.get("PATH", "")
        )
    except UserError as error:
        return {}, [error]
    env = environment(settings)
    fingerprint = _fingerprint(root, language, program, env)
    kept = {
        one.file: answer
        for one in steps
        if now_cached and (answer := cache.get(one.file, fingerprint)) is not None
    }
    asked = [one.file for one in steps if one.file not in kept]
    if asked:
        try:
            fresh = _DESCRIBERS[language](root, asked, program, env, [one.file for one in steps])
        except UserError as error:
            return {}, [error]
        for file, answer in fresh.items():
            cache.put(file, fingerprint, answer)
        kept |= fresh
    return _sorted_out(steps, kept)


def _sorted_out(steps: list[StepFile], kept: Answers) -> tuple[Answers, list[UserError]]:
    answers: Answers = {}
    wrong: list[UserError] = []
    for step in steps:
        answer = kept[step.file]
        error = _problem(step, answer)
        if error is None:
            answers[step.id] = answer
        else:
            wrong.append(error)
    return answers, wrong


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


def _python(
    root: Path, asked: list[str], program: Path, env: dict[str, str], _: list[str]
) -> Answers:
    return describe_python(root, asked, python=program, env=env, parallel=os.cpu_count() or 1)


_DESCRIBERS: dict[str, Callable[[Path, list[str], Path, dict[str, str], list[str]], Answers]] = {
    "python": _python,
}
