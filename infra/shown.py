"""`make shown`: every line of issue 2's "Shown by", its command, and how it last went.

`make shown RUN=1` runs them all and keeps the results in .data/shown.json.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from infra.bootstrap import ROOT

RESULTS = ROOT / ".data" / "shown.json"


@dataclass(frozen=True)
class Line:
    """One claim: its number in the issue, what is claimed, and what shows it."""

    number: str
    claim: str
    paths: tuple[str, ...]  # tests that show it; it is "not yet" until every one is there
    command: str = ""  # when it is not pytest on those paths

    def argv(self) -> list[str]:
        if self.command:
            return self.command.format(python=sys.executable).split()
        return [sys.executable, "-m", "pytest", "-q", "-m", "not long", *self.paths]

    def missing(self) -> list[str]:
        return [path for path in self.paths if not (ROOT / path.split("::")[0]).exists()]


JOURNEY = "tests/journeys/test_main_job.py"
LINES = (
    Line(
        "1",
        "settings differ from make up's in the named ones only",
        ("tests/journeys/test_settings.py",),
    ),
    Line(
        "1",
        "the double of GitHub refuses what GitHub refuses",
        ("tests/integration/doubles/test_github.py",),
    ),
    Line("1", "sign up -> connect -> push three commits -> three versions", (JOURNEY,)),
    Line("1", "25/25/50: 400 calls by 16 clients, refused ones among them: exact", (JOURNEY,)),
    Line("1", "a log line appears in the open page within 10 s", (JOURNEY,)),
    Line("1", "sample -> dataset -> CLI login, pull, replay: 4 differ, 1 does not", (JOURNEY,)),
    Line(
        "2",
        "live log: 1..N, each once, in order, through cuts",
        ("tests/journeys/test_live_log.py",),
    ),
    Line(
        "3",
        "kill -9 of seven processes: nothing lost, nothing twice (short)",
        ("tests/faults/test_kill.py",),
    ),
    Line(
        "3",
        "the same, 25 times each under half of the top load (10 minutes)",
        ("tests/faults/whole_kills.py",),
        "{python} -m tests.faults --long",
    ),
    Line(
        "3",
        "the harness fails when acknowledging precedes the commit",
        ("tests/faults/test_sabotage.py",),
    ),
    Line(
        "4",
        "tenant matrix: as built, managers off, policies off",
        ("tests/integration/hub/test_matrix.py",),
    ),
    Line(
        "4",
        "members come and go in settings; a removed one's socket closes",
        (
            "tests/integration/hub/accounts/test_organizations.py",
            "tests/integration/hub/live/test_live.py",
            "tests/journeys/test_who_may_look.py",
        ),
    ),
    Line(
        "5",
        "15 sandbox attempts from a step and an install script: refused",
        ("tests/integration/runner/sandbox/test_attempts.py",),
    ),
    Line("6", "E1: engine throughput", ("bench/e1.py",), "{python} -m bench.e1 --short"),
    Line("6", "E2: latency", ("bench/e2.py",), "{python} -m bench.e2 --short"),
    Line("6", "E4: start and reload", ("bench/e4.py",), "{python} -m bench.e4 --short"),
    Line("6", "H2: log call -> browser", ("bench/h2.py",), "{python} -m bench.h2 --short"),
    Line(
        "7",
        "bad input: each a clear message with a code",
        (
            *(
                f"tests/integration/{part}/test_bad_input.py"
                for part in ("wistro", "runner/builder", "runner/gateway", "hub")
            ),
            "tests/integration/hub/test_named_mistakes.py",
            "tests/integration/hub/test_server.py",
        ),
    ),
    Line(
        "8",
        "pages: links, commands, keys, errors, rooms, the glossary's words",
        ("tests/unit/docs",),
    ),
    Line("8", "the README followed from a clean clone", ("tests/journeys/test_readme.py",)),
)


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
    return f"{mark} {line.number}  {line.claim:<66} {state:<8} {at:<17} {what}"


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
