"""Commands of several words, of which one is meant when none of them is said: `wistro runs` is `wistro runs list`."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup


class _Usual(TyperGroup):
    usual = "list"  # meant where no other is named

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args[:1] != ["--help"] and (not args or args[0] not in self.commands):
            args = [self.usual, *args]
        return super().parse_args(ctx, args)

    def __init__(self, *given: Any, **more: Any) -> None:
        """In the list of commands a sentence stands, not the example with which each one's own help begins."""
        super().__init__(*given, **more)
        for one in self.commands.values():
            example, _, says = (one.help or "").partition("\n\n")
            one.short_help = one.short_help or says.partition(". ")[0].rstrip(".\n") or example


def group(example: str) -> typer.Typer:
    """A Typer whose command `list` is meant where no other is named. Help begins with the example."""
    made = typer.Typer(
        help=f"Example: {example}", add_completion=False, rich_markup_mode=None, cls=_Usual
    )
    made.callback()(_nothing)
    return made


def _nothing() -> None:
    """Typer makes a group of one command, too, when there is a callback."""
