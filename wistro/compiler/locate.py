"""The line of a key or value in a step's source, found in its text: good for pointing, in every language alike."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

_CONFIG = re.compile(
    r"^\s*(?:export\s+)?(?:const\s+|let\s+|var\s+)?(?:module\.exports\.|exports\.)?config\b\s*[:=]"
)


class Source:
    """One step file's text. Lines count from 1; what is not found is at `config`, or at `line` where that is given."""

    def __init__(self, root: Path, file: str, *, line: int = 0) -> None:
        self._path = root / file
        self._line = line
        self.file = file

    @cached_property
    def _lines(self) -> list[str]:
        try:
            return self._path.read_text("utf-8", "replace").splitlines()
        except OSError:
            return []

    @cached_property
    def _config(self) -> int:
        if self._line:
            return self._line - 1
        for number, line in enumerate(self._lines):
            if _CONFIG.match(line):
                return number
        return 0

    def where(self, *words: str) -> str:
        """`file:line` of a key within `config`, or of each following word after the one before."""
        number = self._config
        for word in words:
            word = rf"(?<![\w.$-])['\"`]?{re.escape(word)}['\"`]?(?![\w-])"
            pattern = re.compile(word, re.IGNORECASE if self._line else 0)  # Go: `Subscribes:`
            for below in range(number, len(self._lines)):
                if pattern.search(self._lines[below]):
                    number = below
                    break
        return f"{self.file}:{number + 1}"
