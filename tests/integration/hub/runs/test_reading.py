"""Runs, attempts and the graph as people read them: shapes, order, filters, pages, and nobody else's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hub.common.tenancy import tenant
from hub.runs import queries
from hub.runs.store import records, searching
from tests.factories.accounts import owner_of
from tests.factories.runs import AT_US, Sender, a_deployed_version, a_sender
from wistro.protocol import reading
from wistro.protocol.ids import new_id, read, show, uuid7
from wistro.protocol.records import EmitRecord, ErrorRecord, ReadRecord, RecordsBatch, WriteRecord
from wistro.protocol.times import rfc3339

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "ingest"])
GOLDEN = json.loads(Path("tests/golden/protocol/reading.json").read_text())


@pytest.fixture
def sender() -> Sender:
    return a_sender()


@pytest.fixture
def send(sender: Sender) -> Any:
    """Take a boot's records in, as the machines' server does."""

    def sent(boot: Any) -> None:
        batch = msgspec.convert(boot.batch(), RecordsBatch)
        records.take(batch, organization_id=boot.sender.organization_id)

    return sent


@pytest.fixture
def get(api: Any, sender: Sender) -> Any:
    client = api(owner_of(sender.organization_id))
    path = f"/api/v1/environments/{show('environment', sender.environment.pk)}"

    def got(rest: str, **query: Any) -> Any:
        answer = client.get(f"{path}/{rest}", query)
        assert answer.status_code == 200, answer.content
        return answer.json()

    return got


def keys(value: Any) -> Any:
    """A shape: the keys of objects, one deep in lists."""
    if isinstance(value, dict):
        return {key: keys(one) for key, one in value.items()}
    return [keys(one) for one in value[:1]] if isinstance(value, list) else None


NOW_MS = new_id().int >> 80


def an_id(second: int) -> UUID:
    """Of about now, in order of `second`."""
    return uuid7(now_ms=NOW_MS + second * 1000, random=b"0123456789")


def test_an_environment_without_records_has_empty_pages(get: Any) -> None:
    assert get("runs") == {"runs": [], "next": None}
    assert get("lines") == {"lines": [], "gaps": [], "cursor": "", "more": False}
    assert get("lines", after="") == {"lines": [], "gaps": [], "cursor": "", "more": False}


def test_a_run_is_told_whole_in_the_golden_shape(sender: Sender, send: Any, get: Any) -> None:
    boot = sender.boot()
    run = boot.run(flows=["orders"], trace_id="4bf9", generation=3)
    first = boot.attempt(
        run.run_id, input={"body": "\x00"}, answer={"status": 202},
        emits=[EmitRecord(0, "order", {"sku": "tea"})],
        reads=[ReadRecord("get", "stock", "tea")], writes=[WriteRecord("set", "stock", "tea", 1)],
    )  # fmt: skip
    second = boot.attempt(
        run.run_id, step="src/charge", topic="order", parent_attempt_id=first.attempt_id,
        outcome="retrying", queued_at_us=AT_US + 1, started_at_us=AT_US + 5, ended_at_us=AT_US + 8,
        error=ErrorRecord("ValueError", "no such shop"),
    )  # fmt: skip
    send(boot)

    told = get(f"runs/{show('run', run.run_id)}")

    shown = msgspec.convert(told, reading.RunDetail, strict=True)
    assert keys(told["run"]) == keys(GOLDEN["RunSummary"][0])
    assert set(told["attempts"][0]) == set(GOLDEN["AttemptView"][0])
    assert shown.run == reading.RunSummary(
        show("run", run.run_id), "done", reading.Trigger("api", "src/order", "POST /orders/:shop"),
        ["orders"], rfc3339(AT_US), rfc3339(AT_US + 9), 2, 1, "4bf9", 1,
        show("deployment", sender.deployment.pk), 3,
    )  # fmt: skip
    assert [(one.step_name, one.language) for one in shown.attempts] == [("Take order", "python"), ("Charge card", "python")]  # fmt: skip
    assert shown.attempts[0].input == {"body": "\x00"}
    assert shown.attempts[0].reads == [{"op": "get", "group": "stock", "key": "tea", "value": None}]
    assert shown.attempts[1].parent_id == show("attempt", first.attempt_id)
    assert (shown.attempts[1].queue_wait_us, shown.attempts[1].run_us) == (4, 3)
    assert shown.attempts[1].error == {"type": "ValueError", "message": "no such shop", "stack": "", "code": None}  # fmt: skip
    assert second.seq == 3


def test_runs_come_newest_first_in_pages_without_hole_or_double(
    sender: Sender, send: Any, get: Any
) -> None:
    ids = [an_id(second) for second in range(7)]
    for id in (*ids[::2], *ids[1::2]):
        boot = sender.boot()
        boot.run(id)
        send(boot)

    pages, before = [], None
    while not pages or before:
        page = get("runs", limit=3, **({"before": before} if before else {}))
        before = page["next"]
        pages.append([one["id"] for one in page["runs"]])

    assert [len(page) for page in pages] == [3, 3, 1]
    assert [id for page in pages for id in page] == [show("run", id) for id in reversed(ids)]


def test_runs_are_filtered(sender: Sender, send: Any, get: Any) -> None:
    other = a_deployed_version(sender.environment)
    boot = sender.boot()
    ids = [an_id(second) for second in range(4)]
    boot.run(ids[0], status="dead", flows=["orders"])
    boot.run(ids[1], deployment_id=str(other.pk))
    boot.run(ids[2], flows=["orders", "stock"])
    boot.run(ids[3], status="running")
    boot.attempt(str(ids[0]), step="src/charge", input={"note": '100% "tea"'})
    boot.attempt(str(ids[0]), step="src/charge")
    boot.attempt(str(ids[2]), step="src/charge", answer="100x tea")
    boot.attempt(str(ids[3]), input="Tee für zwei")
    send(boot)

    def places(**query: Any) -> list[int]:
        return [ids.index(read("run", one["id"])) for one in get("runs", **query)["runs"]]  # fmt: skip

    assert places() == [3, 2, 1, 0]
    assert places(status="dead") == [0]
    assert places(status="done") == [2, 1]
    assert places(flow="orders") == [2, 0]
    assert places(step="src/charge") == [2, 0]
    assert places(step="src/charge", before=show("run", ids[2])) == [0]
    assert places(step="src/charge", status="done") == [2]
    assert places(version=2) == [1]
    assert places(version=99) == []
    assert places(text='100% "tea"') == [0]
    assert places(text="tea") == [2, 0]  # nothing that a random id may hold
    assert places(text="für") == [3]
    assert places(text="t_a") == []


def test_a_run_too_large_to_show_is_shown_without_its_last_payloads(
    sender: Sender, send: Any, get: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot = sender.boot()
    run = boot.run().run_id
    for place in range(4):
        boot.attempt(run, input="x" * 10_000, queued_at_us=AT_US + place)
    send(boot)
    monkeypatch.setattr(queries, "BYTES_MOST", 25_000)

    shown = get(f"runs/{show('run', UUID(run))}")["attempts"]

    assert [bool(one["input"]) for one in shown] == [True, True, False, False]


def test_what_cannot_be_asked_is_refused(api: Any, sender: Sender) -> None:
    client = api(owner_of(sender.organization_id))
    path = f"/api/v1/environments/{show('environment', sender.environment.pk)}"

    answers = {
        rest: client.get(f"{path}/{rest}").status_code
        for rest in (
            "runs?limit=0", "runs?limit=1001", "runs?version=x", "runs?before=x", "runs?step=%00",
            "lines?after=x", "lines?after=a:1", f"lines?before={new_id()}:x", "lines?run=x",
            f"lines?text={'x' * 201}", "graph?version=99", f"runs/{show('run', new_id())}", "runs/x",
        )
    }  # fmt: skip

    assert {rest: code for rest, code in answers.items() if code not in (400, 404, 422)} == {}


def test_the_graph_is_the_locks_of_the_version_asked_for(get: Any, sender: Sender) -> None:
    graph = get("graph", version=1)

    msgspec.convert(graph, reading.Graph, strict=True)
    assert [one["id"] for one in graph["nodes"]] == ["src/charge", "src/nightly", "src/order"]
    assert get("graph") == graph


def test_a_page_of_runs_is_read_from_an_index_in_its_order(
    sender: Sender, send: Any, get: Any
) -> None:
    boot = sender.boot()
    for second in range(500):
        run = boot.run(an_id(second), status="dead" if second % 100 == 0 else "done")
        boot.attempt(run.run_id, step=f"src/{second % 50}")
    send(boot)
    with CaptureQueriesContext(connection) as captured:
        get("runs", limit=5)
        get("runs", limit=5, before=show("run", an_id(200)))
        get("runs", limit=5, status="dead")
        get("runs", limit=5, step="src/7")
        get("runs", limit=5, step="src/7", before=show("run", an_id(200)))

    asked = [one["sql"] for one in captured if "runs r" in one["sql"]]
    assert len(asked) == 5
    for sql in asked:
        with tenant(sender.organization_id), searching.limited(), connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
        assert not re.search(r"(Seq Scan|-> *Sort|Hash)", plan), f"{sql}\n{plan}"


def test_an_answer_names_nothing_of_anothers(api: Any, sender: Sender, send: Any) -> None:
    other = a_sender()
    boot = other.boot()
    run = boot.run()
    boot.line(run_id=run.run_id)
    send(boot)
    mine = api(owner_of(sender.organization_id))
    own = f"/api/v1/environments/{show('environment', sender.environment.pk)}"
    theirs = f"/api/v1/environments/{show('environment', other.environment.pk)}"

    assert mine.get(f"{own}/runs/{show('run', run.run_id)}").status_code == 404
    assert mine.get(f"{own}/lines", {"run": show("run", run.run_id)}).json()["lines"] == []
    assert mine.get(f"{own}/lines", {"before": f"{boot.stream}:2"}).json()["lines"] == []
    assert {mine.get(f"{theirs}/{rest}").status_code for rest in ("runs", "lines", "graph")} == {
        404
    }
