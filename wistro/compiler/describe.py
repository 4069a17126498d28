"""Ask each language to describe its step files, and remember the answers: unchanged files are not asked again."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from wistro import __version__
from wistro.compiler import problems
from wistro.compiler.cache import Cache
from wistro.compiler.find import StepFile
from wistro.compiler.locate import Source
from wistro.compiler.settings import Settings
from wistro.errors import UserError
from wistro.languages import LANGUAGES
from wistro.languages.port import Answers, Asked, Made
from wistro.languages.stamps import stamp

PLACEHOLDER = "wistro-describe"


@dataclass
class Described:
    """The steps that the files hold with each one's {config, handler, files} by id, a problem for each file that has
    none, and what was built on the way."""

    steps: list[StepFile] = field(default_factory=list)
    answers: Answers = field(default_factory=dict)
    problems: list[UserError] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)


def describe(
    root: Path, steps: list[StepFile], settings: Settings, *, now_cached: bool
) -> Described:
    """Ask the languages, at the same time."""
    cache = Cache(root)
    asks = [
        (language, mine)
        for language in LANGUAGES
        if (mine := [one for one in steps if one.language == language])
    ]
    found = Described()
    with ThreadPoolExecutor(max(1, len(asks))) as threads:
        waiting = [
            threads.submit(_language, root, language, mine, settings, cache, now_cached)
            for language, mine in asks
        ]
        for one in [waiting.result() for waiting in waiting]:
            found.steps += one.steps
            found.answers |= one.answers
            found.problems += one.problems
            found.made += one.made
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
    made: Made | None = None
    if asked:
        every = {one.id: one.file for one in steps}
        parallel = os.cpu_count() or 1
        try:
            fresh, made = LANGUAGES[language].toolkit.describe(
                Asked(root, every, asked, program, env, parallel)
            )
        except UserError as error:
            return Described(problems=[error])
        for file, answer in fresh.items():
            cache.put(file, fingerprint, answer)
        kept |= fresh
    found = _sorted_out(root, steps, kept)
    found.made = [made] if made is not None else []
    return found


def _sorted_out(root: Path, files: list[StepFile], kept: Answers) -> Described:
    found = Described()
    for file in files:
        answer = kept[file.file]
        wrong = _problems(root, file, answer)
        if not wrong:
            for step, one in _each(file, answer):
                found.steps.append(step)
                found.answers[step.id] = one
        for error in wrong:
            if not any(_same(error, one) for one in found.problems):
                found.problems.append(error)
    return found


def _each(file: StepFile, answer: dict[str, Any]) -> list[tuple[StepFile, dict[str, Any]]]:
    """The file's one step, or those that it holds by name."""
    if "steps" not in answer:
        return [(file, answer)]
    return [
        (
            replace(file, id=f"{file.id}#{name}", export=name, line=one["line"]),
            one | {"files": answer["files"]},
        )
        for name, one in sorted(answer["steps"].items())
    ]


def _same(one: UserError, other: UserError) -> bool:
    """A mistake in a shared file is told once."""
    return (one.code, one.where, one.message) == (other.code, other.where, other.message)


def _problems(root: Path, step: StepFile, answer: dict[str, Any]) -> list[UserError]:
    if answer.get("late"):
        message = f"`{step.file}` takes more than 10 s to be imported"
        return [problems.TooSlow(message, where=f"{step.file}:1")]
    if "died" in answer:
        message = f"`{step.file}` ends its process while it is imported (exit {answer['died']})"
        return [problems.CannotImport(message, where=f"{step.file}:1")]
    found = answer.get("problems") or ([answer["problem"]] if "problem" in answer else [])
    return [
        problems.described(
            one["code"],
            one["message"],
            where=_where(root, step, one, answer.get("key")),
            hint=one.get("hint"),
        )
        for one in found
    ]


def _where(root: Path, step: StepFile, found: dict[str, Any], key: str | None) -> str:
    """Line 0 is told of a value in `config`, which has no line when it is read: its key has one."""
    if found["line"] == 0 and key:
        return Source(root, step.file).where(key)
    return f"{found.get('at') or step.file}:{found['line'] or 1}"


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
    told = [__version__, _ours(language), language, str(program), stamp(program.resolve())]
    told += [f"{key}={env[key]}" for key in sorted(env) if key not in ("PATH", "HOME", "TMPDIR")]
    told += LANGUAGES[language].toolkit.fingerprint(root, program)
    return hashlib.sha256("\0".join(told).encode()).hexdigest()


def _ours(language: str) -> str:
    """wistro's own describers: an editable install changes without its version."""
    files = LANGUAGES[language].home.glob("describe*")
    return ",".join(stamp(one) for one in sorted(files))
