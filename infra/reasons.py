"""Why a command failed, found in what it printed: one line for a person, the log keeps the rest.

Standard library only: the first run uses it before anything is installed.
"""

from __future__ import annotations

import re

_NPM_NOISE = re.compile(r"npm (error|ERR!)( (code|errno|syscall|path|A complete log)\b|$)")
_SAYS_WHY = re.compile(r"^\W*(\w*error:\s+\S|npm (error|ERR!) \S|\[error\] )", re.IGNORECASE)
_NAMES_ONE = re.compile(r"\berror\b|failed", re.IGNORECASE)
_TRACEBACK = "Traceback (most recent call last)"
WIDTH = 200


def reason(said: str) -> str:
    """The end of its last traceback, else the first line that says an error, else the last line."""
    if ended := _end_of_traceback(said):
        return ended[:WIDTH]
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    lines = [line for line in lines if not _NPM_NOISE.match(line)]
    for sign in (_SAYS_WHY, _NAMES_ONE):
        for line in lines:
            if sign.search(line):
                return line[:WIDTH]
    return lines[-1][:WIDTH] if lines else "it said nothing"


def _end_of_traceback(said: str) -> str:
    _, found, after = said.rpartition(_TRACEBACK)
    if not found:
        return ""
    ends = (line for line in after.splitlines()[1:] if line and not line[0].isspace())
    return next(ends, "").strip()
