"""The page of results, docs/performance.md: each benchmark's output stands between two markers, as it was printed."""

from __future__ import annotations

from datetime import date

from bench.systems import ROOT

PAGE = ROOT / "docs" / "performance.md"


class NoPlace(SystemExit):
    """The page has no markers for a benchmark, or more than one pair."""


def begin(name: str) -> str:
    return f"<!-- bench {name} -->"


END = "<!-- end -->"


def replaced(page: str, name: str, printed: str, *, on: date) -> str:
    """The page with this output in the benchmark's place."""
    before, found, rest = page.partition(begin(name))
    _, ended, after = rest.partition(END)
    if not found or not ended or begin(name) in after:
        raise NoPlace(f"docs/performance.md wants one `{begin(name)}` and a `{END}` after it")
    body = f"`python -m bench.{name}`, {on.isoformat()}:\n\n```text\n{printed.strip()}\n```"
    return f"{before}{begin(name)}\n{body}\n{END}{after}"
