"""What the issues ask to be shown, line by line: its number (issue.line), the claim, and the tests or command that show it."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from infra.bootstrap import ROOT


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
        "2.1",
        "settings differ from make up's in the named ones only",
        ("tests/journeys/test_settings.py",),
    ),
    Line(
        "2.1",
        "the double of GitHub refuses what GitHub refuses",
        ("tests/integration/doubles/test_github.py",),
    ),
    Line("2.1", "sign up -> connect -> push three commits -> three versions", (JOURNEY,)),
    Line("2.1", "25/25/50: 400 calls by 16 clients, refused ones among them: exact", (JOURNEY,)),
    Line("2.1", "a log line appears in the open page within 10 s", (JOURNEY,)),
    Line("2.1", "sample -> dataset -> CLI login, pull, replay: 4 differ, 1 does not", (JOURNEY,)),
    Line(
        "2.2",
        "live log: 1..N, each once, in order, through cuts",
        ("tests/journeys/test_live_log.py",),
    ),
    Line(
        "2.3",
        "kill -9 of seven processes: nothing lost, nothing twice (short)",
        ("tests/faults/test_kill.py",),
    ),
    Line(
        "2.3",
        "the same, 25 times each under half of the top load (10 minutes)",
        ("tests/faults/whole_kills.py",),
        "{python} -m tests.faults --long",
    ),
    Line(
        "2.3",
        "the harness fails when acknowledging precedes the commit",
        ("tests/faults/test_sabotage.py",),
    ),
    Line(
        "2.4",
        "tenant matrix: as built, managers off, policies off",
        ("tests/integration/hub/test_matrix.py",),
    ),
    Line(
        "2.4",
        "members come and go in settings; a removed one's socket closes",
        (
            "tests/integration/hub/accounts/test_organizations.py",
            "tests/integration/hub/live/test_live.py",
            "tests/journeys/test_who_may_look.py",
        ),
    ),
    Line(
        "2.5",
        "15 sandbox attempts from a step and an install script: refused",
        ("tests/integration/runner/sandbox/test_attempts.py",),
    ),
    Line("2.6", "E1: engine throughput", ("bench/e1.py",), "{python} -m bench.e1 --short"),
    Line("2.6", "E2: latency", ("bench/e2.py",), "{python} -m bench.e2 --short"),
    Line("2.6", "E4: start and reload", ("bench/e4.py",), "{python} -m bench.e4 --short"),
    Line("2.6", "H2: log call -> browser", ("bench/h2.py",), "{python} -m bench.h2 --short"),
    Line(
        "2.7",
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
        "2.8",
        "pages: links, commands, keys, errors, rooms, the glossary's words",
        ("tests/unit/docs",),
    ),
    Line("2.8", "the README followed from a clean clone", ("tests/journeys/test_readme.py",)),
    Line("3.1", "the conformance suites: languages, stores, state, blobs", ("tests/conformance",)),
    Line(
        "3.2",
        "the engine's faults, all of them (short)",
        ("tests/faults/test_engine_faults.py", "tests/faults/test_several.py"),
    ),
    Line(
        "3.2",
        "300 kills, 50 power cuts, full disk, fsync, zombie, two engines (long)",
        ("tests/faults/engine_table.py",),
        "{python} -m tests.faults engine --long",
    ),
    Line("3.2", "every sabotage is caught", ("tests/faults/test_sabotage.py",)),
    Line("3.3", "simulation: 2,000 worlds, and its own sabotages", ("tests/simulation",)),
    Line(
        "3.3",
        "simulation: 100,000 worlds (hours)",
        ("tests/simulation/__main__.py",),
        "{python} -m tests.simulation --seeds 100000",
    ),
    Line("3.4", "E1 beside the peers", ("bench/e1.py",), "{python} -m bench.e1 --peers"),
    Line("3.4", "E2 beside the peers", ("bench/e2.py",), "{python} -m bench.e2 --peers"),
    Line("3.4", "S1: the stores beside bare ones", ("bench/s1.py",), "{python} -m bench.s1"),
    Line("3.4", "every benchmark runs, in its short form", ("tests/bench",)),
    Line("3.5", "five examples, each driven by a journey", ("tests/journeys/test_examples.py",)),
    Line(
        "3.6",
        "a guide for each capability, references from the code",
        ("tests/unit/docs", "tests/integration/wistro/test_guides.py"),
    ),
    Line(
        "3",
        "a wrong emit fails to compile in each language",
        ("tests/integration/wistro/checkers",),
    ),
    Line(
        "3",
        "a Motia 0.17 project is imported and runs",
        ("tests/integration/wistro/compiler/test_motia.py",),
    ),
    Line(
        "3", "OpenAPI and AsyncAPI hold to their specifications", ("tests/integration/wistro/lock",)
    ),
)
