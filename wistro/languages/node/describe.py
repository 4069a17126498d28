"""Ask node what a project's TypeScript and JavaScript steps are: one esbuild call, then a fresh node a file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from wistro.errors import UserError
from wistro.languages.node import build

TIMEOUT_S = 10.0
_SCRIPT = Path(__file__).parent / "describe_steps.py"
Answers = dict[str, dict[str, Any]]


class DescriberBroke(UserError):
    """Node could not even start to describe the steps."""

    code = "lock.describer"
    hint = "Is node 20 or newer on the PATH, and does it start?"


def describe(
    root: Path,
    every: dict[str, str],
    *,
    asked: list[str],
    node: Path,
    env: dict[str, str],
    parallel: int,
    timeout_s: float = TIMEOUT_S,
) -> tuple[Answers, build.Built]:
    """Answers of the asked files, as python/describe.py has them, and the bundle of `every` (id -> file)."""
    made = build.bundle(root, every, node=node)
    answers = _mistakes(every, made)
    if made.errors:
        # The steps that esbuild can read are described all the same, so that all problems are told at once.
        good = {id: file for id, file in every.items() if file not in answers}
        if not good or len(good) == len(every):
            return _blamed(every, made), made
        made_of_good = build.bundle(root, good, node=node)
        if made_of_good.errors:
            return _blamed(every, made), made
        made_of_good.errors, made = made.errors, made_of_good
    files = [file for file in asked if file not in answers]
    id_by_file = {file: id for id, file in every.items()}
    built = {file: str(made.folder / f"{id_by_file[file]}.mjs") for file in files}
    if files:
        answers |= _ask(
            root, files, built, node=node, env=env, parallel=parallel, timeout_s=timeout_s
        )
    for file in files:
        answers[file]["files"] = made.files[file]
    return answers, made


def _mistakes(every: dict[str, str], made: build.Built) -> Answers:
    """esbuild's errors in step files themselves, the first of each."""
    found: Answers = {}
    for error in reversed(made.errors):
        if error["file"] in every.values():
            found[error["file"]] = _mistake(error)
    return found


def _blamed(every: dict[str, str], made: build.Built) -> Answers:
    """When a shared file is broken, no step can be described: each step carries an error, the shared one first."""
    own = _mistakes(every, made)
    shared = next((one for one in made.errors if one["file"] not in own), made.errors[0])
    return {file: own.get(file, _mistake(shared)) for file in every.values()}


def _mistake(error: dict[str, Any]) -> dict[str, Any]:
    hint = ""
    if error["text"].startswith("Could not resolve"):
        hint = "Is the path right? Packages are found by `wistro install`."
    return {
        "problem": {
            "code": "lock.syntax",
            "message": error["text"],
            "line": error["line"],
            "at": error["file"],
            "hint": hint,
        }
    }


def _ask(
    root: Path,
    files: list[str],
    built: dict[str, str],
    *,
    node: Path,
    env: dict[str, str],
    parallel: int,
    timeout_s: float,
) -> Answers:
    request = {
        "root": str(root),
        "node": str(node),
        "files": files,
        "built": built,
        "parallel": parallel,
        "timeout_s": timeout_s,
    }
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-B", str(_SCRIPT)],
            input=json.dumps(request).encode(),
            capture_output=True,
            cwd=root,
            env=env,
            timeout=30 + (timeout_s + 1) * len(files),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DescriberBroke(f"node cannot describe the project's steps: {error}") from error
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise DescriberBroke(f"node cannot describe the project's steps: {last}")
    answers = [json.loads(line) for line in lines[1:]]
    return {answer.pop("file"): answer for answer in answers}
