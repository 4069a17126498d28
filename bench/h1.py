"""H1, intake: batches of lines, runs and attempts into the Hub's tables, against a bare COPY of the same rows.

`python -m bench.h1 [--batches 40] [--rounds 3] [--records 1000]`. Goal: >= 40 % of the bare COPY.

Both write to the same tables with their indices, on a PostgreSQL of their own with fsync, and commit once a batch.
Ours decodes the body, checks it, locks the stream's cursor and copies; HTTP and the token's look-up are left out.
The bare COPY is given its text ready made.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from bench.report import machine, median, table
from infra import embedded
from infra.place import Place
from infra.settings import settings_of
from wistro.protocol.ids import new_id
from wistro.protocol.records import AttemptRecord, LineRecord, Record, RecordsBatch, RunRecord

START_S = 30.0
AT_US = time.time_ns() // 1_000
ORGANIZATION, ENVIRONMENT, DEPLOYMENT = (str(new_id()) for _ in range(3))
PAYLOAD = {"order": "x" * 900, "sku": "tea", "count": 2}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--records", type=int, default=1000)
    options = parser.parse_args()
    speeds: dict[str, list[float]] = {"bare COPY": [], "wistro": []}
    with a_migrated_hub() as url:
        for _ in range(options.rounds):
            for name, write in (("bare COPY", bare), ("wistro", ours)):
                batches = [a_batch(options.records) for _ in range(options.batches)]
                speeds[name].append(write(url, batches))
    of = median(speeds["bare COPY"])
    rows = [
        [name, f"{median(found):,.0f}", f"{min(found):,.0f}", f"{max(found):,.0f}", f"{median(found) / of:.0%}"]
        for name, found in speeds.items()
    ]  # fmt: skip
    print(
        f"H1  {machine()}\n    {options.rounds} rounds of {options.batches} batches of {options.records} records: of ten, "
        "6 lines, 2 words on a run and 2 attempts of 1 KiB\n"
    )
    print(table(["system", "records/s median", "min", "max", "of bare"], rows))


def a_batch(count: int) -> RecordsBatch:
    """One stream's first records: runs that begin, log, try twice and end."""
    records: list[Record] = []
    while len(records) < count:
        seq, run = len(records) + 1, str(new_id())
        records.append(_run(seq, run, "running", None))
        for n in range(2):
            attempt = str(new_id())
            records += [
                LineRecord(seq + 1 + n * 4 + k, AT_US + k, "info", f"charging the card of order {k} in shop berlin",
                           DEPLOYMENT, "src/charge", run, attempt, {"sku": "tea"})
                for k in range(3)
            ]  # fmt: skip
            records.append(
                AttemptRecord(seq + 4 + n * 4, AT_US, attempt, str(new_id()), run, DEPLOYMENT, "src/charge", 1, "done",
                              AT_US, AT_US, AT_US, AT_US, input=PAYLOAD)
            )  # fmt: skip
        records.append(_run(seq + 9, run, "done", AT_US))
    return RecordsBatch(ENVIRONMENT, 1, str(new_id()), records[:count])


def _run(seq: int, id: str, status: str, ended_at_us: int | None) -> RunRecord:
    return RunRecord(seq, AT_US, id, DEPLOYMENT, 1, "api", "src/order", status, AT_US, ended_at_us=ended_at_us)  # fmt: skip


def ours(url: str, batches: list[RecordsBatch]) -> float:
    from uuid import UUID

    from hub.runs.store import records

    bodies = [msgspec.json.encode(batch) for batch in batches]
    began = time.perf_counter()
    for body in bodies:
        batch = msgspec.json.decode(body, type=RecordsBatch)
        records.take(batch, organization_id=UUID(ORGANIZATION))
    return _speed(batches, began)


def bare(url: str, batches: list[RecordsBatch]) -> float:
    texts = [_texts(batch) for batch in batches]
    with psycopg.connect(url) as connection:
        began = time.perf_counter()
        for batch in texts:
            for statement, text in batch:
                with connection.cursor() as cursor, cursor.copy(statement) as copy:  # type: ignore[arg-type]
                    copy.write(text)
            connection.commit()
        return _speed(batches, began)


def _texts(batch: RecordsBatch) -> list[tuple[str, str]]:
    """COPY's statements and texts, of a run only its last word."""
    from uuid import UUID

    from hub.runs.store import rows

    stream = batch.stream
    made = rows.rows_of(
        batch.records,
        organization_id=UUID(ORGANIZATION),
        environment_id=UUID(ENVIRONMENT),
        stream=UUID(stream),
    )
    runs = "".join(
        f"{id}\t{ORGANIZATION}\t{ENVIRONMENT}\t{DEPLOYMENT}\t1\t{stream}\t{one['seq']}\t{one['status']}\tapi\tsrc/order\t{{}}\t\t{AT_US}\n"
        for id, one in made.runs.items()
    )
    return [
        (f"COPY lines ({rows.LINE_COLUMNS}) FROM STDIN", "".join(made.lines)),
        (f"COPY attempts ({rows.ATTEMPT_COLUMNS}) FROM STDIN", "".join(made.attempts)),
        (f"COPY payloads ({rows.PAYLOAD_COLUMNS}) FROM STDIN", "".join(made.payloads)),
        (
            "COPY runs (id, organization_id, environment_id, deployment_id, generation, stream, seq, status, trigger, trigger_id, "
            "flows, trace_id, started_at_us) FROM STDIN",
            runs,
        ),
    ]


def _speed(batches: list[RecordsBatch], began: float) -> float:
    return sum(len(batch.records) for batch in batches) / (time.perf_counter() - began)


@contextmanager
def a_migrated_hub() -> Iterator[str]:
    """PostgreSQL with fsync in a folder of its own, migrated, and Django set up on it; the ingest role's URL."""
    data = Path(tempfile.mkdtemp(prefix="wistro-bench-"))
    place = Place(data=data)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, place.run, ignore_errors=True)
        stack.callback(shutil.rmtree, data, ignore_errors=True)
        embedded.prepare_postgres(place)
        server = subprocess.Popen(
            embedded.postgres_command(place), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=data
        )  # fmt: skip
        stack.callback(_end, server)
        _await(embedded.superuser(place, "postgres"), server)
        embedded.make_roles(place)
        settings = settings_of(place)
        os.environ.update(settings | {"DJANGO_SETTINGS_MODULE": "hub.settings"})
        _migrate()
        yield settings["DATABASE_INGEST_URL"]
        from django.db import connections

        connections.close_all()


def _migrate() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)

    from hub.accounts.models import Organization
    from hub.common.tenancy import tenant

    with tenant(ORGANIZATION):
        Organization(pk=ORGANIZATION, slug="bench", name="Bench").save(force_insert=True)


def _await(url: str, server: subprocess.Popen[Any]) -> None:
    end = time.monotonic() + START_S
    while True:
        try:
            return psycopg.connect(url).close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.05)  # a server that starts tells nobody when it is ready


def _end(server: subprocess.Popen[Any]) -> None:
    server.terminate()
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(20)


if __name__ == "__main__":
    main()
