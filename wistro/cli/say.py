"""How commands speak: talk to stderr, data to stdout, colour only on a terminal and without NO_COLOR."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import Any

from wistro.errors import UserError

_RED, _GREEN, _YELLOW, _DIM, _BOLD = "31", "32", "33", "2", "1"


def done(what: str, detail: str = "", aside: str = "") -> None:
    """`✓ Compiled  14 steps, 9 events            wistro.yml.lock a1f93c`"""
    line = f"{_paint('✓', _GREEN)} {what:<9} {detail}"
    if aside:
        line = f"{line:<{50 + len(line) - len(_bare(line))}} {_paint(aside, _DIM)}"
    talk(line.rstrip())


def failed(what: str, detail: str) -> None:
    talk(f"{_paint('✗', _RED)} {what:<10} {detail}")


def next_step(command: str) -> None:
    """What comes next; every command ends with it."""
    talk(f"  next: {_paint(command, _BOLD)}")


def talk(line: str) -> None:
    sys.stderr.write(line + "\n")


def out(line: str) -> None:
    """A line of what was asked for, on stdout."""
    sys.stdout.write(line + "\n")


def line(text: str) -> None:
    """One line of others' text on stdout: made plain, cut where a terminal ends, whole when piped."""
    shown = plain(text)
    out(clipped(shown, width()) if sys.stdout.isatty() else shown)


def painted(text: str, style: str) -> str:
    """For stdout: coloured on a terminal alone."""
    has_colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return f"\x1b[{style}m{text}\x1b[0m" if has_colour else text


def note(line: str) -> None:
    """What the reader should know though nothing is wrong."""
    talk(f"{_paint('note', _YELLOW)}: {line}")


def detail(line: str) -> None:
    talk(f"  {_paint(line, _DIM)}")


def error(problem: UserError) -> None:
    _tell("error", _RED, problem)


def warning(problem: UserError) -> None:
    _tell("warning", _YELLOW, problem)


def word(of: str) -> str:
    """`error` or `warning` as every message begins."""
    return _paint(of, _RED if of == "error" else _YELLOW)


def link(address: str) -> None:
    """An address on a line of its own, whole, so that it can be copied."""
    talk(f"  {_paint(address, _BOLD)}")


def plain(text: str) -> str:
    """Text of others on one line that cannot move the cursor, colour or clear anything."""
    return "".join(one if one.isprintable() else _visible(one) for one in text)


def width() -> int:
    """Columns of the terminal; 80 where there is none."""
    return max(40, shutil.get_terminal_size((80, 24)).columns)


def clipped(text: str, columns: int) -> str:
    """At most so many columns; `…` where it was cut. Wide letters count as two."""
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= columns else set_cell_size(text, columns - 1).rstrip() + "…"


def size(count: int) -> str:
    """212_300 -> `212 kB`."""
    if count < 1000:
        return f"{count} B"
    for unit in ("kB", "MB"):
        count_in_unit = count / (1000 if unit == "kB" else 1_000_000)
        if count_in_unit < 999.5:
            return (
                f"{count_in_unit:.0f} {unit}"
                if count_in_unit >= 10
                else f"{count_in_unit:.1f} {unit}"
            )
    return f"{count / 1e9:.1f} GB"


def data(value: Any) -> None:
    """One JSON document for scripts."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def as_data(problem: UserError) -> dict[str, Any]:
    return {
        "code": problem.code,
        "message": problem.message,
        "where": problem.where,
        "hint": problem.hint,
    }


def _tell(word: str, colour: str, problem: UserError) -> None:
    talk(f"{_paint(word, colour)}: {problem.message}")
    if problem.where:
        talk(f"  --> {problem.where}")
    for name, what in list(problem.fields.items())[:20]:
        talk(f"      {name}: {what}")
    hint = f" hint: {problem.hint}" if problem.hint else ""
    code = _paint(problem.code, _DIM)
    if len(hint) + len(problem.code) > 79:  # the code under it, so that neither is broken at 80
        talk(hint)
        hint = ""
    talk(f"{hint:<50} {code}")


def _visible(one: str) -> str:
    return (
        "  " if one == "\t" else " " if one in "\r\n\u2028\u2029" else "\N{REPLACEMENT CHARACTER}"
    )


def _paint(text: str, style: str) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if _has_colour() else text


def _bare(text: str) -> str:
    return text if "\x1b" not in text else text.replace("\x1b[32m", "").replace("\x1b[0m", "")


def _has_colour() -> bool:
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")
