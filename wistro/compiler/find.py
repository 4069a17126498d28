"""Which files are steps, and under what id."""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from wistro.compiler import problems
from wistro.errors import UserError
from wistro.languages import LANGUAGES

_LANGUAGE_OF = {ending: row.name for row in LANGUAGES.values() for ending in row.endings}
_STEP = re.compile(r"(?P<name>.+)[._]step\.(?P<ending>[A-Za-z0-9]+)")
_NO_STEPS = {"map", "pyc", "json", "md", "txt", "snap", "orig", "rej", "swp", "bak", "lock"}
SKIPPED = {"node_modules", "__pycache__", "site-packages"}
_FORBIDDEN = re.compile(r'[\\:*?"<>|#%\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e]')


@dataclass(frozen=True)
class StepFile:
    """`export`, `line`: the value's name and place where a file may hold several steps."""

    id: str
    file: str  # POSIX, relative to the project
    language: str
    export: str | None = None
    line: int = 0


def find_steps(root: Path, folders: list[str]) -> tuple[list[StepFile], list[UserError]]:
    """Every step file below the folders, sorted by id, and what is wrong with their names."""
    found: dict[str, StepFile] = {}
    wrong: list[UserError] = []
    for folder in folders:
        for file in _files(root, folder):
            try:
                step = _step(file)
                if step is None:
                    continue
                if step.id in found:
                    raise problems.BadFileName(
                        f"`{found[step.id].file}` and `{file}` are both the step `{step.id}`",
                        hint="Rename one of them.",
                        where=f"{file}:1",
                    )
                found[step.id] = step
            except UserError as error:
                wrong.append(error)
    return [found[id] for id in sorted(found)], wrong


def _files(root: Path, folder: str) -> list[str]:
    names: list[str] = []
    for at, folders, files in os.walk(root / folder):
        folders[:] = sorted(
            one for one in folders if one not in SKIPPED and not one.startswith(".")
        )
        below = Path(at).relative_to(root).as_posix()
        names += [file if below == "." else f"{below}/{file}" for file in files]
    return sorted(names)


def _step(file: str) -> StepFile | None:
    match = _STEP.fullmatch(file.rpartition("/")[2])
    if match is None or match["ending"] in _NO_STEPS or match["name"].startswith("."):
        return None
    ending = match["ending"]
    shown = file.encode("utf-8", "backslashreplace").decode()
    if ending not in _LANGUAGE_OF:
        raise problems.UnknownLanguage(f"`{shown}` is in no language of ours", where=f"{shown}:1")
    if _FORBIDDEN.search(file) or file != file.strip():
        raise problems.BadFileName(
            f"`{shown}` has a character that a step's path may not hold",
            hint="Its path is the step's id, in URLs and on the command line: no \\ : * ? \" < > | # % or control characters.",
            where=f"{shown}:1",
        )
    if unicodedata.normalize("NFC", file) != file:
        raise problems.BadFileName(
            f"`{shown}` is not in Unicode's composed form (NFC), so it would be another file elsewhere",
            hint="Rename it: type the name anew.",
            where=f"{shown}:1",
        )
    id = file[: len(file) - len(ending) - len(".step.")]
    return StepFile(id, file, _LANGUAGE_OF[ending])
