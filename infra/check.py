"""`make check`: every stage in order, going on after a failure, a table and one line at the end.

A stage whose folder has nothing in it yet says "none yet"; one with a failing test fails.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from infra.bootstrap import ROOT
from infra.browser import find_or_install
from infra.settings import KNOWN
from infra.terminal import Failed, Terminal

RESULTS = ROOT / ".data" / "check"
PYTHON_FILES = ["wistro", "runner", "hub", "infra", "bench", "tests", "manage.py"]


@dataclass(frozen=True)
class Outcome:
    """How a stage went: counts, and for one that was not run the reason."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    note: str = ""


@dataclass(frozen=True)
class Stage:
    """One line of the table."""

    name: str
    run: Callable[[], Outcome]
    about: str = ""
    fix: list[list[str]] = field(default_factory=list)  # what `make fmt` runs instead


def tool(*argv: str, cwd: Path | None = None, needs: Path | None = None) -> Callable[[], Outcome]:
    """A tool that says yes or no by its exit code."""

    def run() -> Outcome:
        if needs is not None and not needs.exists():
            return Outcome(note="none yet")
        ok = call(list(argv), cwd=cwd) == 0
        return Outcome(passed=int(ok), failed=int(not ok))

    return run


def pytest(
    folder: str, *options: str, browser: bool = False, workers: int = 1, by: str = "loadfile"
) -> Callable[[], Outcome]:
    """The tests of one folder; the long forms are commands of their own (`-m long`).

    `workers` share the files among them (`by="worksteal"`: the tests): most of these tests wait for processes, not for the processor.
    """

    def run() -> Outcome:
        if not any((ROOT / folder).rglob("test_*.py")):
            return Outcome(note="none yet")
        if browser:
            os.environ["WISTRO_CHROMIUM"] = find_or_install()
        report = RESULTS / f"{folder.replace('/', '-')}.xml"
        report.unlink(missing_ok=True)
        argv = [sys.executable, "-m", "pytest", folder, "-q", "-m", "not long", *options]
        if workers > 1:
            argv += ["-n", str(workers), "--dist", by]
        code = call([*argv, f"--junit-xml={report}"])
        if code == 5:
            return Outcome(note="none yet")
        return counted(report, code)

    return run


def counted(report: Path, code: int) -> Outcome:
    """A report's counts; a run that broke off before it could write one is a failure."""
    try:
        suites = ET.parse(report).getroot().iter("testsuite")
        counts = [
            {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
            for suite in suites
        ]
    except (OSError, ET.ParseError):
        return Outcome(failed=1, note="broke off")
    total = {
        name: sum(each[name] for each in counts)
        for name in ("tests", "failures", "errors", "skipped")
    }
    failed = total["failures"] + total["errors"]
    passed = max(0, total["tests"] - failed - total["skipped"])
    if code and not failed:
        return Outcome(passed, 1, total["skipped"], note=f"pytest ended with {code}")
    return Outcome(passed, failed, total["skipped"])


def vitest() -> Outcome:
    """The TypeScript tests, counted from vitest's own report."""
    folder = ROOT / "frontend"
    if not (folder / "node_modules" / ".bin" / "vitest").exists():
        return Outcome(note="none yet")
    report = RESULTS / "vitest.json"
    report.unlink(missing_ok=True)
    argv = ["npx", "--no-install", "vitest", "run", "--reporter=default", "--reporter=json"]
    code = call([*argv, f"--outputFile.json={report}"], cwd=folder)
    try:
        said = json.loads(report.read_text())
    except (OSError, ValueError):
        return Outcome(failed=1, note="broke off")
    failed = int(said["numFailedTests"]) or int(code != 0)
    return Outcome(int(said["numPassedTests"]), failed, int(said.get("numPendingTests", 0)))


def files() -> list[str]:
    return [name for name in PYTHON_FILES if (ROOT / name).exists()]


def call(argv: list[str], *, cwd: Path | None = None) -> int:
    """Run with its output shown; settings of a running system around us are kept away from tests."""
    kept_away = {*KNOWN, "DJANGO_SETTINGS_MODULE"}
    env = {name: value for name, value in os.environ.items() if name not in kept_away}
    return subprocess.run(
        argv, cwd=cwd or ROOT, env=env, check=False, stdin=subprocess.DEVNULL
    ).returncode


def stages() -> list[Stage]:
    frontend = ROOT / "frontend"
    ruff = [sys.executable, "-m", "ruff"]
    biome = frontend / "node_modules" / ".bin" / "biome"
    tsc = frontend / "node_modules" / ".bin" / "tsc"
    pyright = ROOT / "node_modules" / ".bin" / "pyright"
    lint_imports = str(Path(sys.executable).parent / "lint-imports")
    return [
        Stage(
            "format",
            tool(*ruff, "format", "--check", "--quiet", *files()),
            "ruff format",
            [[*ruff, "format", *files()]],
        ),
        Stage(
            "lint", tool(*ruff, "check", *files()), "ruff", [[*ruff, "check", "--fix", *files()]]
        ),
        Stage(
            "screens lint",
            tool(str(biome), "check", ".", cwd=frontend, needs=biome),
            "biome: format and lint",
            [[str(biome), "check", "--write", str(frontend)]],
        ),
        Stage("types", tool(str(pyright), needs=pyright), "pyright"),
        Stage(
            "screens types", tool(str(tsc), "-p", "tsconfig.json", cwd=frontend, needs=tsc), "tsc"
        ),
        Stage("imports", tool(sys.executable, lint_imports), "import-linter"),
        Stage("unit", pytest("tests/unit", workers=2), "no process, network or real clock"),
        Stage(
            "integration",
            pytest("tests/integration", workers=3),
            "real PostgreSQL, Valkey, processes",
        ),
        Stage(
            "conformance",
            pytest("tests/conformance", workers=2),
            "every adapter and language, one suite",
        ),
        Stage(
            "simulation",
            pytest("tests/simulation", workers=2, by="worksteal"),
            "injected clock and randomness",
        ),
        Stage("screens", vitest, "vitest"),
        Stage(
            "faults",
            pytest("tests/faults", workers=2, by="worksteal"),
            "kills, power cuts and the others, short form",
        ),
        Stage("bench", pytest("tests/bench"), "short form, no time asserted"),
        Stage("journeys", pytest("tests/journeys", browser=True), "the whole system, in Chromium"),
    ]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.check", description=__doc__)
    parser.add_argument("only", nargs="*", help="names of stages; all when none is named")
    parser.add_argument("--fix", action="store_true", help="format and fix instead of checking")
    asked = parser.parse_args(arguments)
    known = stages()
    if unknown := set(asked.only) - {stage.name for stage in known}:
        names = ", ".join(stage.name for stage in known)
        Terminal().fail(Failed(f"no such stage: {', '.join(sorted(unknown))}", f"Stages: {names}"))
        return 2
    if asked.fix:
        return max(call(argv) for stage in known for argv in stage.fix if shutil.which(argv[0]))
    return check([stage for stage in known if not asked.only or stage.name in asked.only])


def check(chosen: list[Stage]) -> int:
    RESULTS.mkdir(parents=True, exist_ok=True)
    rows: list[tuple[Stage, Outcome, float]] = []
    for stage in chosen:
        print(f"\n── {stage.name} {'─' * (70 - len(stage.name))}", flush=True)
        started = time.monotonic()
        rows.append((stage, attempt(stage), time.monotonic() - started))
    return table(rows)


def attempt(stage: Stage) -> Outcome:
    """Run one stage; what it lacks is its failure, not the end of the others."""
    try:
        return stage.run()
    except Failed as failed:
        Terminal().fail(failed)
        return Outcome(failed=1, note=failed.message)


def table(rows: list[tuple[Stage, Outcome, float]]) -> int:
    print(f"\n  {'stage':<15}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for stage, outcome, took in rows:
        mark = "✗" if outcome.failed else "-" if outcome.note == "none yet" else "✓"
        counts = f"{outcome.passed:>8}{outcome.failed:>8}{outcome.skipped:>9}"
        print(f"{mark} {stage.name:<15}{counts}{took:>9.1f}  {outcome.note or stage.about}")
    passed = sum(outcome.passed for _, outcome, _ in rows)
    failed = sum(outcome.failed for _, outcome, _ in rows)
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
