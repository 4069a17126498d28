"""Every batch sent twice to the real machines' server, which is killed between: what is kept does not change."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.common.tenancy import tenant
from hub.runs.models import Attempt, Line, Run
from infra.ports import free_ports
from infra.processes import BY_NAME
from tests.factories.runs import Sender, a_sender
from tests.integration.hub import place

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).parents[4]
LIMIT_S = 30.0
RUNS = 40


@contextmanager
def machines_server(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The process of the table, on this session's database; killed with -9 on leaving."""
    ports = {**dict.fromkeys(("hub", "gateway", "valkey"), 0), "machines": port}
    argv = BY_NAME["machines"].command(
        python=sys.executable, bind="127.0.0.1", data=str(place.PLACE.data), ports=ports
    )
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WISTRO_", "DATABASE_", "REDIS_", "DJANGO_"))
    }
    log = place.PLACE.data / "machines.log"
    with log.open("ab") as said:
        process = subprocess.Popen(
            argv,
            cwd=ROOT,
            env=inherited | place.ENVIRONMENT,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        await_answer(port, process, log)
        yield process
    finally:
        os.killpg(process.pid, 9)
        process.wait(10)


def await_answer(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + LIMIT_S
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/machine/v1/routing", timeout=2)
            return
        except httpx.HTTPError:
            if process.poll() is not None or time.monotonic() > end:
                raise AssertionError(log.read_text()) from None
            time.sleep(0.05)  # a server that starts tells nobody when it is ready


def batches(sender: Sender) -> list[dict[str, Any]]:
    """Two boots of an engine: runs with an attempt and three lines each, a lost line, and the ends of the streams."""
    found = []
    for _ in range(2):
        boot = sender.boot()
        for number in range(RUNS):
            run = boot.run()
            boot.attempt(run.run_id)
            for _ in range(3):
                boot.line(f"line of {number}", run_id=run.run_id)
            if number == 7:
                boot.skip()
            if number % 10 == 9:
                found.append(boot.batch())
        boot.close()
        found.append(boot.batch())
    return found


def send(port: int, sender: Sender, sent: list[dict[str, Any]]) -> list[int]:
    headers = {"authorization": f"Bearer {sender.token}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
        answers = [client.post("/machine/v1/records", json=batch, timeout=30) for batch in sent]
    assert {answer.status_code for answer in answers} == {200}, answers[0].text
    return [answer.json()["seq"] for answer in answers]


def kept(sender: Sender) -> dict[str, int]:
    with tenant(sender.organization_id):
        return {model.__name__: model.objects.count() for model in (Run, Attempt, Line)}


def test_batches_sent_twice_with_a_restart_between_are_kept_once():
    sender = a_sender()
    sent = batches(sender)
    port = free_ports(1)[0]

    with machines_server(port):
        first = send(port, sender, sent)
        before = kept(sender)
    with machines_server(port):
        second = send(port, sender, sent)

    assert kept(sender) == before == {"Run": 2 * RUNS, "Attempt": 2 * RUNS, "Line": 6 * RUNS}
    # What is acknowledged never falls back: each stream's own last seq is answered again.
    assert all(late >= early for early, late in zip(first, second, strict=True))
