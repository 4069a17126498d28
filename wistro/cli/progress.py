"""One line that changes while something takes long: only on a terminal, and gone when it has ended."""

from __future__ import annotations

import sys
from types import TracebackType

from wistro.cli import say


class Progress:
    """`with Progress() as at: at.show("uploading 3/40")`; other lines are said between `at.hide()`s."""

    def __init__(self) -> None:
        self._moves = sys.stderr.isatty()
        self._shown = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.hide()

    def show(self, text: str) -> None:
        if self._moves:
            sys.stderr.write("\r\x1b[K  " + say.clipped(text, say.width() - 3))
            sys.stderr.flush()
            self._shown = True

    def hide(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False
