"""The README as somebody follows it: its console blocks and what it says to do in the browser, in order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

BLOCK = re.compile(r"^```console\n(.*?)^```$|^<!-- browser -->(.*?)\n\n", re.DOTALL | re.MULTILINE)
OPEN = re.compile(r"Open <([^>]+)>")
DEED = re.compile(r"\*\*(?P<label>[^*]+)\*\*(?:\s+`(?P<value>[^`]+)`)?")
NEUTRAL = (  # what differs each time, and what stands for it
    (r"run_\w+", "run_…"),
    (r"\d\d:\d\d:\d\d\.\d+", "<time>"),
    (r"\d+(\.\d+)? (µs|ms|s|min|kB|B|KiB)\b", "<amount>"),
    (r"(wistro\.yml\.lock) [0-9a-f]{6}", r"\1 <digest>"),
    (r"\x1b\[[0-9;]*m", ""),
    (r"\s+", " "),
)


@dataclass(frozen=True)
class Typed:
    """A command and the lines that the README shows below it; `…` is what it leaves out."""

    command: str
    shown: tuple[str, ...]

    @property
    def fails(self) -> bool:
        """A `✗` is shown of a command that finds something."""
        return any(line.startswith("✗") for line in self.shown)

    def missing_from(self, printed: str) -> list[str]:
        """The first line that was not printed after those before it; everything shown stands in order."""
        lines = iter([neutral(line) for line in printed.splitlines()])
        for wanted in self.shown:
            pattern = re.compile(re.escape(neutral(wanted)).replace("…", ".*"))
            if wanted != "…" and not any(pattern.fullmatch(line) for line in lines):
                return [wanted]
        return []


@dataclass(frozen=True)
class Clicked:
    """What to do in the browser, at `address` or where it is: (label, None) is clicked, (label, text) is filled in."""

    address: str | None
    deeds: tuple[tuple[str, str | None], ...]


def read(text: str) -> Iterator[Typed | Clicked]:
    for block in BLOCK.finditer(text):
        if block[2] is not None:
            opened = OPEN.search(block[2])
            deeds = tuple((deed["label"], deed["value"]) for deed in DEED.finditer(block[2]))
            yield Clicked(opened[1] if opened else None, deeds)
        else:
            yield from commands(block[1])


def commands(block: str) -> Iterator[Typed]:
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield Typed(command, tuple(shown.splitlines()))


def neutral(line: str) -> str:
    for pattern, instead in NEUTRAL:
        line = re.sub(pattern, instead, line)
    return line.strip()
