"""E6, growth: E1 and E2 beside a backlog of waiting deliveries, and in projects of more steps, interleaved.

`python -m bench.e6 [--seconds 5] [--rounds 3] [--connections 64] [--rate 20] [--short]`. Goal: p50 grows to at most twice
that of the first row. The backlog waits for a day at another step of the project, each delivery in a run of its own with
1 KiB of message; it is put into the store before the engine starts. Start: from the process's start to its first answer.
"""

from __future__ import annotations

import argparse
import contextlib
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bench.generated import WAITING, write
from bench.report import machine, median, table
from bench.systems import System, load, lock, serving
from wistro.engine.runs import RunHeader
from wistro.protocol.ids import new_id
from wistro.store import tables
from wistro.store.port import DeliveryRow, RunRow
from wistro.wiring import LOCAL, STORE

SHAPES = [(0, 10), (100_000, 10), (1_000_000, 10), (0, 100), (0, 1_000)]
SHORT = [(0, 10), (200, 30)]
PADDING = "x" * 960
DAY_US = 24 * 3600 * 1_000_000
ENGINE = System("wistro", "python")


@dataclass
class Found:
    """One number a round."""

    flows: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    start_ms: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rate", type=int, default=20)
    parser.add_argument("--short", action="store_true", help="small numbers, one round of a second")
    options = parser.parse_args()
    shapes = SHAPES
    if options.short:
        options.seconds, options.rounds, shapes = 1, 1, SHORT
    found = {shape: Found() for shape in shapes}
    with tempfile.TemporaryDirectory(prefix="wistro-bench-") as scratch:
        folders = {shape: prepared(Path(scratch), *shape) for shape in shapes}
        for _ in range(options.rounds):
            for shape, folder in folders.items():
                measure(folder, found[shape], options)
        for (backlog, steps), folder in folders.items():
            if (left := waiting(folder)) != backlog:
                raise SystemExit(f"{left:,} of {backlog:,} wait after it, with {steps} steps")
    print(
        f"E6  {machine()}\n    {options.rounds} rounds of {options.seconds:g} s: {options.connections} connections, then {options.rate}/s; milliseconds\n"
    )
    head = ["waiting, steps", "flows/s", "of first", "p50", "p99", "p50 of first", "start"]
    print(table(head, [row(shape, one, found[shapes[0]]) for shape, one in found.items()]))


def row(shape: tuple[int, int], one: Found, first: Found) -> list[str]:
    return [
        f"{shape[0]:,} waiting, {shape[1]:,} steps",
        f"{median(one.flows):,.0f}",
        f"{median(one.flows) / median(first.flows):.0%}",
        f"{median(one.p50):.2f}",
        f"{median(one.p99):.2f}",
        f"{median(one.p50) / median(first.p50):.2f}x",
        f"{median(one.start_ms):,.0f}",
    ]


def measure(folder: Path, found: Found, options: argparse.Namespace) -> None:
    began = time.monotonic()
    with serving(ENGINE, folder) as one:
        found.start_ms.append((time.monotonic() - began) * 1e3)
        load("throughput", one, seconds=min(1, options.seconds), amount=options.connections)
        most = load("throughput", one, seconds=options.seconds, amount=options.connections)
        load("rate", one, seconds=1, amount=options.rate)
        latency = load("rate", one, seconds=options.seconds, amount=options.rate)["latency_ms"]
    found.flows.append(most["flows_per_s"])
    found.p50.append(latency["p50"])
    found.p99.append(latency["p99"])


def prepared(scratch: Path, backlog: int, steps: int) -> Path:
    """A locked project of so many steps that has run once, with so many deliveries in its store."""
    folder = scratch / f"{backlog}-{steps}"
    write(folder, steps)
    lock(folder)
    with serving(ENGINE, folder):
        pass  # it makes the tables
    with closed(folder) as db:
        db.execute("BEGIN")
        first = db.execute("SELECT coalesce(max(seq), 0) FROM deliveries").fetchone()[0] + 1_000_000
        due_at_us = time.time_ns() // 1_000 + DAY_US
        db.executemany(tables.INSERT_RUN, (tables.run_values(a_run(first + n)) for n in range(backlog)))  # fmt: skip
        rows = (a_delivery(first + n, due_at_us + n) for n in range(backlog))
        db.executemany(tables.INSERT_DELIVERY, (tables.delivery_values(one, 0) for one in rows))
        db.execute("COMMIT")
    return folder


def a_run(seq: int) -> RunRow:
    header = RunHeader("api", "src/rest/first", time.time_ns() // 1_000, trace_id=f"{seq:032x}")
    return RunRow(seq, str(new_id()), LOCAL, msgspec.json.encode(header), open=1)


def a_delivery(seq: int, due_at_us: int) -> DeliveryRow:
    message = msgspec.json.encode({"id": str(seq), "padding": PADDING})
    return DeliveryRow(
        seq,
        str(new_id()),
        seq,
        LOCAL,
        WAITING,
        "event",
        "rest.0",
        message,
        due_at_us,
        claimed=False,
    )


def waiting(folder: Path) -> int:
    with closed(folder) as db:
        counted = "SELECT count(*) FROM deliveries WHERE claimed = 0 AND step = ?"
        return db.execute(counted, [WAITING]).fetchone()[0]


@contextlib.contextmanager
def closed(folder: Path) -> Iterator[sqlite3.Connection]:
    """Its store, which no engine has open."""
    path = folder / ".wistro" / STORE
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        yield db


if __name__ == "__main__":
    main()
