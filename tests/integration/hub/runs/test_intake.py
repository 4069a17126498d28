"""Batches of records: taken once, whatever happens on their way, and only from who runs the environment."""

from __future__ import annotations

import json
import threading
from typing import Any

import msgspec
import psycopg
import pytest
from django.db import connections

from hub.common.tenancy import tenant
from hub.fleet.models import Grant
from hub.ingress import draws
from hub.runs.models import Attempt, Draw, Gap, Line, Payload, Run, Stream
from tests.factories.projects import an_environment
from tests.factories.runs import AT_US, Boot, Sender, a_sender
from tests.integration.hub import place
from wistro.protocol.ids import new_id, uuid7
from wistro.protocol.records import AttemptRecord, LineRecord

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "ingest"])


@pytest.fixture
def sender() -> Sender:
    return a_sender()


@pytest.fixture
def send(machines: Any, sender: Sender) -> Any:
    def sent(batch: dict[str, Any], *, token: str = sender.token) -> Any:
        return machines(token).post("/machine/v1/records", batch, format="json")

    return sent


def counts(sender: Sender) -> dict[str, int]:
    with tenant(sender.organization_id):
        return {
            model._meta.db_table: model.objects.count()
            for model in (Run, Attempt, Payload, Line, Stream, Gap)
        }


def a_busy_boot(sender: Sender, *, runs: int = 3) -> Boot:
    boot = sender.boot()
    for _ in range(runs):
        run = boot.run(status="running")
        boot.line(run_id=run.run_id, step="src/order", fields={"sku": "tea"})
        boot.attempt(run.run_id, input={"sku": "tea"})
        boot.run(run.run_id)
    return boot


def test_a_batch_is_kept_whole_and_its_stream_answered(sender: Sender, send: Any) -> None:
    boot = a_busy_boot(sender)

    answer = send(boot.batch())

    assert (answer.status_code, answer.json()) == (200, {"stream": boot.stream, "seq": 12})
    kept = {"runs": 3, "attempts": 3, "payloads": 3, "lines": 3, "streams": 1, "gaps": 0}
    assert counts(sender) == kept
    with tenant(sender.organization_id):
        assert set(Run.objects.values_list("status", flat=True)) == {"done"}
        assert Line.objects.values_list("organization_id", flat=True).distinct().get() == sender.organization_id  # fmt: skip


def test_a_batch_sent_again_after_a_restart_changes_nothing(sender: Sender, send: Any) -> None:
    boot = a_busy_boot(sender)
    batches = [boot.batch(*boot.waiting[at : at + 5]) for at in range(0, 12, 5)]
    answers = [send(batch).json()["seq"] for batch in batches]
    before = counts(sender)

    connections.close_all()  # what a new process of the machines' server has open
    again = [send(batch).json()["seq"] for batch in batches]

    assert answers == [5, 10, 12]
    assert again == [12, 12, 12]
    assert counts(sender) == before


def test_half_of_a_batch_that_was_kept_before_is_left_out(sender: Sender, send: Any) -> None:
    boot = sender.boot()
    lines = [boot.line(f"line {n}") for n in range(6)]
    send(boot.batch(*lines[:4]))

    answer = send(boot.batch(*lines[2:]))

    assert answer.json()["seq"] == 6
    with tenant(sender.organization_id):
        kept = list(Line.objects.order_by("seq").values_list("seq", "message"))
    assert kept == [(n + 1, f"line {n}") for n in range(6)]


def test_batches_out_of_order_end_as_if_they_had_come_in_order(sender: Sender, send: Any) -> None:
    boot = a_busy_boot(sender)
    first, second, third = (boot.waiting[at : at + 4] for at in (0, 4, 8))

    answers = [send(boot.batch(*records)).json()["seq"] for records in (third, first, second)]

    assert answers == [12, 12, 12]
    kept = {"runs": 3, "attempts": 3, "payloads": 3, "lines": 3, "streams": 1, "gaps": 0}
    assert counts(sender) == kept


def test_what_is_missing_is_a_gap_until_it_comes(sender: Sender, send: Any) -> None:
    boot = sender.boot()
    boot.skip(2)  # 1, 2
    boot.line()
    boot.skip(4)  # 4 to 7
    boot.line()
    boot.skip()  # 9
    boot.close()
    send(boot.batch())

    late = LineRecord(5, AT_US, "info", "after all", str(sender.deployment.pk))
    send(boot.batch(late))

    with tenant(sender.organization_id):
        gaps = list(Gap.objects.order_by("first").values_list("first", "last"))
        stream = Stream.objects.get()
    assert gaps == [(1, 2), (4, 4), (6, 7), (9, 9)]
    assert (stream.last_seq, stream.closed) == (10, True)


def test_an_attempt_under_another_stream_is_kept_once(sender: Sender, send: Any) -> None:
    first, second = sender.boot(), sender.boot()
    run = first.run()
    one = first.attempt(run.run_id, input="a\tb\\n\n\x00")
    send(first.batch())
    second.skip()
    second.waiting = [msgspec.structs.replace(one, seq=1)]
    other = second.attempt(run.run_id, input="c\\\\t\\N")

    answer = send(second.batch())

    assert answer.status_code == 200
    with tenant(sender.organization_id):
        kept = Payload.objects.order_by("id").values_list("record", flat=True)
        inputs = [msgspec.json.decode(record, type=AttemptRecord).input for record in kept]
    assert inputs == [one.input, other.input]


def test_the_newest_word_on_a_run_counts_also_when_it_comes_first(
    sender: Sender, send: Any
) -> None:
    streams = (str(uuid7(now_ms=ms, random=bytes(10))) for ms in (1, 2))
    old, new = (Boot(sender, stream) for stream in streams)
    id = new_id()
    running = old.run(id, status="running")
    interrupted = new.run(id, status="interrupted")

    send(new.batch(interrupted))
    send(old.batch(running))

    with tenant(sender.organization_id):
        assert Run.objects.get().status == "interrupted"


def test_two_senders_of_one_stream_keep_each_record_once(
    sender: Sender, machines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot = a_busy_boot(sender, runs=30)
    batches = [boot.batch(*boot.waiting[at : at + 7]) for at in range(0, len(boot.waiting), 7)]
    start, failed = threading.Barrier(4), []

    def race(order: list[dict[str, Any]]) -> None:
        client = machines(sender.token)
        start.wait(10)
        try:
            for batch in order:
                answer = client.post("/machine/v1/records", batch, format="json")
                assert answer.status_code == 200, answer.content
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    orders = [batches, batches, batches[::-1], batches[5:] + batches[:5]]
    threads = [threading.Thread(target=race, args=[order]) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert failed == []
    kept = {"runs": 30, "attempts": 30, "payloads": 30, "lines": 30, "streams": 1, "gaps": 0}
    assert counts(sender) == kept


def test_a_fence_that_is_over_is_refused(sender: Sender, send: Any) -> None:
    boot = a_busy_boot(sender)
    batch = boot.batch()
    with tenant(sender.organization_id):
        Grant.objects.update(fence=8)

    answers = [send(batch | {"fence": fence}) for fence in (7, 6, 9, -1, 2**64)]

    assert {(one.status_code, one.json()["error"]["code"]) for one in answers[:4]} == {
        (409, "records.fenced")
    }
    assert answers[4].status_code in (400, 409)
    assert send(batch | {"fence": 8}).status_code == 200


def test_records_of_anothers_environment_are_refused(sender: Sender, send: Any) -> None:
    other = a_sender()
    boot = sender.boot()
    boot.line()
    batch = boot.batch()

    foreign = send(batch | {"environment_id": str(other.environment.pk)})
    by_other = send(batch, token=other.token)
    unknown = send(batch | {"environment_id": str(an_environment().pk)})

    assert [one.status_code for one in (foreign, by_other, unknown)] == [409, 409, 409]
    assert counts(sender)["lines"] == counts(other)["lines"] == 0


def test_a_runs_id_of_anothers_touches_nothing_of_theirs(sender: Sender, send: Any) -> None:
    other = a_sender()
    theirs, mine = other.boot(), sender.boot()
    run = theirs.run()
    attempt = theirs.attempt(run.run_id, input="theirs")
    send(theirs.batch(), token=other.token)
    mine.run(run.run_id, status="dead")
    mine.waiting.append(msgspec.structs.replace(attempt, seq=2, input="mine"))

    assert send(mine.batch()).status_code == 200

    with tenant(other.organization_id):
        assert Run.objects.get().status == "done"
        assert '"theirs"' in Payload.objects.get().record
    with tenant(sender.organization_id):
        assert Run.objects.get().status == "dead"


ODD = (
    "".join(map(chr, [*range(0x00, 0x250), 0x2028, 0xFEFF, 0xFFFD, 0x1F600, 0x10FFFF]))
    + "\\N\\.\\\\n"
)


def test_a_line_with_every_odd_character_is_kept_as_it_is(sender: Sender, send: Any) -> None:
    boot = sender.boot()
    boot.line(ODD, fields={ODD: [ODD, None, 1.5, {"ü": ODD}]}, step="src/ü\n\t\\")

    assert send(boot.batch()).status_code == 200

    with tenant(sender.organization_id):
        line = Line.objects.get()
    assert line.message == ODD.replace("\x00", "␀")
    assert json.loads(line.fields) == {ODD: [ODD, None, 1.5, {"ü": ODD}]}
    assert line.step == "src/ü\n\t\\"


def test_a_line_from_a_wrong_clock_is_kept(sender: Sender, send: Any) -> None:
    boot = sender.boot()
    for at_us in (-5, 0, 2**62):
        boot.line(at_us=at_us)
    boot.run("00000000-0000-7000-8000-000000000001")
    boot.attempt("ffffffff-ffff-7fff-bfff-ffffffffffff")

    assert send(boot.batch()).status_code == 200

    with tenant(sender.organization_id):
        assert set(Line.objects.values_list("at_us", flat=True)) == {0, 253_402_300_799_999_999}
        assert (Run.objects.count(), Attempt.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"stream": "boot-1"}, 422),
        ({"environment_id": "dev"}, 422),
        ({"records": [{"kind": "line"}]}, 400),
        ({"records": [{"kind": "song", "seq": 1}]}, 400),
        ({"records": [{"kind": "closed", "seq": 0, "at_us": 1}]}, 422),
        ({"records": [{"kind": "closed", "seq": 2**60, "at_us": 1}]}, 422),
        ({"records": []}, 200),
    ],
)
def test_a_batch_that_cannot_be_is_refused_by_name(
    sender: Sender, send: Any, change: dict[str, Any], status: int
) -> None:
    answer = send(sender.boot().batch(**{"records": [], **change}))

    assert answer.status_code == status, answer.content
    assert status == 200 or answer.json()["error"]["code"] in ("records.invalid", "request.unreadable")  # fmt: skip


def test_a_batch_with_a_bad_id_keeps_nothing_of_itself(sender: Sender, send: Any) -> None:
    boot = sender.boot()
    boot.line()
    boot.attempt("not-a-run")

    assert send(boot.batch()).status_code == 422
    assert set(counts(sender).values()) == {0}


def test_a_batch_of_16_mib_is_taken_and_a_larger_one_refused(sender: Sender, send: Any) -> None:
    boot = sender.boot()
    boot.attempt(str(new_id()), input="x" * (15 * 1024 * 1024))
    fits = send(boot.batch())
    boot.attempt(str(new_id()), input="x" * (17 * 1024 * 1024))

    assert fits.status_code == 200
    assert send(boot.batch()).status_code in (400, 413)


def test_calls_are_counted_once_by_generation_and_deployment(sender: Sender, send: Any) -> None:
    boot = sender.boot()
    ids = [new_id() for _ in range(5)]
    for id in ids:
        boot.run(id, status="running", generation=4)
    boot.run(trigger="cron", generation=4)
    send(boot.batch())
    for id in ids:
        boot.run(id, generation=4)
    boot.run(generation=5)
    send(boot.batch())

    with tenant(sender.organization_id):
        kept = list(Draw.objects.order_by("generation").values_list("generation", "deployment_id", "calls"))  # fmt: skip
        told = draws.of(sender.environment.pk, 4)
    assert kept == [(4, sender.deployment.pk, 5), (5, sender.deployment.pk, 1)]
    assert told == {sender.deployment.pk: 5}


def test_calls_by_a_versions_tag_were_not_drawn(sender: Sender, send: Any) -> None:
    boot = sender.boot()
    boot.run(generation=4)
    boot.run(generation=0)
    send(boot.batch())

    with tenant(sender.organization_id):
        assert list(Draw.objects.values_list("generation", "calls")) == [(4, 1)]


def test_the_ingest_role_may_add_records_and_read_none() -> None:
    with psycopg.connect(place.ENVIRONMENT["DATABASE_INGEST_URL"], autocommit=True) as ingest:
        for statement in (
            "SELECT * FROM lines",
            "SELECT * FROM payloads",
            "SELECT * FROM attempts",
            "DELETE FROM runs",
            "UPDATE lines SET message = ''",
            "SELECT * FROM projects",
            "SELECT * FROM lines_rest",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                ingest.execute(statement)  # type: ignore[arg-type]


@pytest.mark.parametrize("at_once", [True, False], ids=["in one batch", "in two"])
def test_a_tasks_end_takes_the_place_of_its_waiting_and_never_the_other_way(
    sender: Sender, send: Any, at_once: bool
) -> None:
    boot = sender.boot()
    run = boot.run(status="waiting")
    waits = boot.attempt(run.run_id, step="src/approve", outcome="waiting")
    ends = boot.attempt(
        run.run_id, step="src/approve", attempt_id=waits.attempt_id, outcome="done",
        ended_at_us=AT_US + 50, answer={"answer": "approve", "by": "Ada"},
    )  # fmt: skip
    batches = [boot.batch()] if at_once else [boot.batch(run, waits), boot.batch(ends)]

    taken = [send(one).status_code for one in batches]
    late = send(sender.boot().batch(waits) | {"stream": str(new_id())})

    assert (set(taken), late.status_code) == ({200}, 200)
    with tenant(sender.organization_id):
        (attempt,) = Attempt.objects.values_list("outcome", "ended_at_us")
        record = json.loads(Payload.objects.get().record)
    assert attempt == ("done", AT_US + 50)
    assert (record["outcome"], record["answer"]["by"]) == ("done", "Ada")
