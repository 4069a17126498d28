"""`make shown`: every line that the issues ask to be shown, its command, and how it last went. Which lines: claims.py.

`make shown RUN=1` runs them all and keeps the results in .data/shown.json.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from infra.bootstrap import ROOT
from infra.claims import LINES, Line

RESULTS = ROOT / ".data" / "shown.json"


def main(arguments: list[str]) -> int:
    results = read()
    if arguments == ["run"]:
        results = run(results)
    for line in LINES:
        print(row(line, results))
    states = [state_of(line, results) for line in LINES]
    print(
        f"\n{states.count('shown')} shown, {states.count('not yet')} not yet, {states.count('failed')} failed"
    )
    return 1 if "failed" in states else 0


def row(line: Line, results: dict[str, dict[str, str]]) -> str:
    state = state_of(line, results)
    mark = {"shown": "✓", "failed": "✗", "not yet": "·"}[state]
    at = results.get(key(line), {}).get("at", "")
    what = (
        line.command.format(python="python") if line.command else f"pytest {' '.join(line.paths)}"
    )
    return f"{mark} {line.number:<4} {line.claim:<74} {state:<8} {at:<17} {what}"


def state_of(line: Line, results: dict[str, dict[str, str]]) -> str:
    """Shown only by a run that passed and whose tests are still there."""
    if line.missing():
        return "not yet"
    return results.get(key(line), {}).get("state", "not yet")


def run(results: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    ended: dict[tuple[str, ...], str] = {}  # several claims may be of one test: it is run once
    for line in LINES:
        if line.missing():
            continue
        argv = tuple(line.argv())
        if argv not in ended:
            print(f"\n── {line.number} {line.claim}", flush=True)
            code = subprocess.run(argv, cwd=ROOT, check=False, stdin=subprocess.DEVNULL).returncode
            ended[argv] = "failed" if code else "shown"
        at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
        results = {**results, key(line): {"state": ended[argv], "at": at}}
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=1))
    print()
    return results


def key(line: Line) -> str:
    return f"{line.number} {line.claim}"


def read(path: Path = RESULTS) -> dict[str, dict[str, str]]:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
