"""Log lines in pages: each line once, whatever comes while one reads; back in time, and on from a cursor."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.common.tenancy import tenant
from hub.runs import queries
from hub.runs.store import records, searching
from hub.runs.store.port import LineFilter
from tests.factories.accounts import owner_of
from tests.factories.runs import AT_US, Boot, Sender, a_sender
from wistro.protocol import reading
from wistro.protocol.ids import new_id, show
from wistro.protocol.records import RecordsBatch

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "ingest"])


@pytest.fixture
def sender() -> Sender:
    return a_sender()


def send(boot: Boot, *records_: Any) -> None:
    if records_ or boot.waiting:
        batch = msgspec.convert(boot.batch(*records_), RecordsBatch)
        records.take(batch, organization_id=boot.sender.organization_id)


def read_on(sender: Sender, cursor: str, *, limit: int = 200, **filter: Any) -> reading.LinePage:
    with tenant(sender.organization_id):
        return queries.lines_after(
            sender.environment, LineFilter(**filter), after=queries.cursor_of(cursor), limit=limit
        )


def read_back(sender: Sender, before: str = "", *, limit: int = 200, **filter: Any) -> reading.LinePage:  # fmt: skip
    with tenant(sender.organization_id):
        return queries.lines_before(
            sender.environment, LineFilter(**filter), before=queries.cursor_of(before), limit=limit
        )


def all_on(sender: Sender, cursor: str = "", *, limit: int, **filter: Any) -> Iterator[reading.LinePage]:  # fmt: skip
    more = True
    while more:
        page = read_on(sender, cursor, limit=limit, **filter)
        assert len(page.lines) <= limit
        assert page.lines == sorted(page.lines, key=order)
        yield page
        cursor, more = page.cursor, page.more


def order(line: reading.LineView) -> tuple[str, str, int]:
    return line.at, line.stream, line.seq


def keys(pages: Any) -> list[tuple[str, int]]:
    return [(line.stream, line.seq) for page in pages for line in page.lines]


def test_interleaved_streams_are_read_in_time(sender: Sender) -> None:
    boots = [sender.boot() for _ in range(3)]
    for n in range(30):
        boots[n % 3].line(str(n), at_us=AT_US + n)
    for boot in boots:
        send(boot)

    pages = list(all_on(sender, limit=7))

    told = [line.message for page in pages for line in page.lines]
    assert told == [str(n) for n in range(30)]
    assert [page.more for page in pages] == [True] * 4 + [False]


def test_a_stream_that_the_cursor_does_not_know_is_read_from_its_begin(sender: Sender) -> None:
    first, late = sender.boot(), sender.boot()
    first.line("now")
    send(first)
    cursor = read_back(sender).cursor
    late.line("long ago", at_us=AT_US - 10**9)
    send(late)

    page = read_on(sender, cursor)

    assert [line.message for line in page.lines] == ["long ago"]
    assert read_on(sender, page.cursor).lines == []


def test_a_cursor_does_not_grow_with_the_streams_that_ended(sender: Sender) -> None:
    cursor = ""
    for n in range(12):
        boot = sender.boot()
        boot.line(str(n))
        boot.close()
        send(boot)
        page = read_on(sender, cursor)
        assert [line.message for line in page.lines] == [str(n)]
        cursor = page.cursor

    assert cursor.count(",") == 0
    assert read_back(sender).cursor == cursor
    assert read_on(sender, cursor).lines == []


def test_reading_back_meets_reading_on(sender: Sender) -> None:
    boots = [sender.boot() for _ in range(3)]
    chance = random.Random(7)
    for n in range(100):
        chance.choice(boots).line(str(n), at_us=AT_US + chance.randrange(20))
    for boot in boots:
        send(boot)

    newest = page = read_back(sender, limit=9)
    back = [page]
    while page.more:
        first = page.lines[0]
        page = read_back(sender, f"{first.stream}:{first.seq}", limit=9)
        back.append(page)
    boots[0].line("new")
    send(boots[0])

    lines = [line for page in reversed(back) for line in page.lines]
    assert lines == sorted(lines, key=order)
    assert len(set(keys(back))) == len(lines) == 100
    assert [line.message for line in read_on(sender, newest.cursor).lines] == ["new"]


def test_a_line_that_is_gone_has_none_before_it(sender: Sender) -> None:
    boot = sender.boot()
    boot.line()
    send(boot)

    page = read_back(sender, f"{boot.stream}:99")

    assert (page.lines, page.more) == ([], False)


def test_gaps_are_told_where_they_are(sender: Sender) -> None:
    boot = sender.boot()
    boot.skip()
    boot.line()  # 2
    boot.skip(2)
    boot.line()  # 5
    boot.skip()
    boot.close()  # 7
    send(boot)

    def told(page: reading.LinePage) -> list[tuple[int, int]]:
        return [(gap.first, gap.last) for gap in page.gaps]

    assert told(read_back(sender)) == [(1, 1), (3, 4), (6, 6)]
    assert told(read_back(sender, limit=1)) == [(3, 4), (6, 6)]
    assert [told(page) for page in all_on(sender, limit=1)] == [[(1, 1)], [(3, 4), (6, 6)]]
    assert told(read_on(sender, f"{boot.stream}:5")) == [(6, 6)]


def test_lines_are_filtered(sender: Sender) -> None:
    boot = sender.boot()
    run, attempt = str(new_id()), str(new_id())
    boot.line("plain")
    boot.line("100% TEA", step="src/order", run_id=run, attempt_id=attempt)
    boot.waiting.append(
        msgspec.structs.replace(boot.line("bad"), level="error", seq=next(boot.seqs))
    )
    boot.line("with", fields={"sku": "Tea_1"}, step="src/order")
    send(boot)

    def found(**filter: Any) -> list[str]:
        newest = [line.message for line in read_back(sender, **filter).lines]
        assert [line.message for line in read_on(sender, "", **filter).lines] == newest
        return newest

    assert found(run=UUID(run)) == ["100% TEA"]
    assert found(step="src/order") == ["100% TEA", "with"]
    assert found(level="error") == ["bad"]
    assert found(level="warn") == ["bad"]
    assert sorted(found(level="info")) == ["100% TEA", "bad", "bad", "plain", "with"]
    assert found(text="tea") == ["100% TEA", "with"]
    assert found(text="0%") == ["100% TEA"]
    assert found(text="a_1") == ["with"]
    assert found(text="t_a") == []
    assert found(step="src/order", text="tea", run=UUID(run)) == ["100% TEA"]


def test_a_filter_that_finds_nothing_moves_the_cursor_on(sender: Sender) -> None:
    boot = sender.boot()
    for _ in range(5):
        boot.line()
    send(boot)

    page = read_on(sender, "", level="error")

    assert (page.lines, page.cursor, page.more) == ([], f"{boot.stream}:5", False)


def test_a_line_is_told_in_the_golden_shape(api: Any, sender: Sender) -> None:
    boot = sender.boot()
    run, attempt = str(new_id()), str(new_id())
    boot.line("taken", fields={"sku": "tea"}, step="s", run_id=run, attempt_id=attempt)
    send(boot)
    path = f"/api/v1/environments/{show('environment', sender.environment.pk)}/lines"

    answer = api(owner_of(sender.organization_id)).get(path)

    page = msgspec.json.decode(answer.content, type=reading.LinePage, strict=True)
    assert page.lines == [
        reading.LineView(
            boot.stream, 1, "2026-11-22T10:00:00.000000Z", "info", "taken", {"sku": "tea"}, "logger",
            show("run", run), show("attempt", attempt), "s", 1,
        )
    ]  # fmt: skip
    assert page.cursor == f"{boot.stream}:1"


def test_a_search_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "LIMIT_S", 0.02)

    with pytest.raises(searching.SearchTooWide), transaction.atomic(), searching.limited():
        connection.cursor().execute("SELECT pg_sleep(30)")
    with transaction.atomic(), connection.cursor() as cursor:
        with searching.limited():
            cursor.execute("SELECT 1")
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("lines"), st.integers(0, 3), st.integers(1, 6)),
        st.tuples(st.just("lost"), st.integers(0, 3), st.integers(1, 3)),
        st.tuples(st.just("reboot"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("read"), st.integers(1, 5), st.just(0)),
    ),
    max_size=25,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS, newest_first=st.booleans(), chance=st.randoms(use_true_random=False))
def test_reading_on_finds_each_line_once(
    db: None, steps: list[tuple[str, int, int]], newest_first: bool, chance: random.Random
) -> None:
    sender = a_sender()
    boots = [sender.boot() for _ in range(4)]
    sent: set[tuple[str, int]] = set()
    page = read_back(sender) if newest_first else read_on(sender, "")
    seen = keys([page])
    for what, which, count in steps:
        if what == "read":
            page = read_on(sender, page.cursor, limit=which)
            seen += keys([page])
        elif what == "lost":
            boots[which].skip(count)
        elif what == "reboot":
            boots[which].close()
            send(boots[which])
            boots[which] = sender.boot()
        else:
            for _ in range(count):
                boots[which].line(at_us=AT_US + chance.randrange(50))
            sent |= {(boots[which].stream, one.seq) for one in boots[which].waiting}
            send(boots[which])

    seen += keys(all_on(sender, page.cursor, limit=4))

    assert sorted(seen) == sorted(sent)


def test_nothing_is_missed_or_doubled_while_lines_come(sender: Sender) -> None:
    boots = [sender.boot() for _ in range(4)]
    each, chunk = 5_000, 250
    for number, boot in enumerate(boots):
        for n in range(each):
            boot.line(at_us=AT_US + n * 4 + number)
    batches = [[b.waiting[at : at + chunk] for at in range(0, each, chunk)] for b in boots]
    failed: list[BaseException] = []

    def write(boot: Boot, chunks: list[Any]) -> None:
        try:
            for one in chunks:
                send(boot, *one)
        except BaseException as error:
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write, args=pair) for pair in zip(boots, batches, strict=True)]  # fmt: skip
    newest = page = read_back(sender, limit=1000)
    seen = keys([newest])
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        page = read_on(sender, page.cursor, limit=997)
        seen += keys([page])
    for thread in threads:
        thread.join(60)
    seen += keys(all_on(sender, page.cursor, limit=1000))

    assert failed == []
    assert len(seen) == len(set(seen)) == 4 * each


def test_a_page_is_read_from_an_index_in_its_order(sender: Sender) -> None:
    """Costs grow with the page: what the pages' own statements do is shown by their plans."""
    boot = sender.boot()
    run = new_id()
    for n in range(3_000):
        boot.line(at_us=AT_US + n, run_id=str(run if n % 100 == 0 else new_id()))
    send(boot)
    with CaptureQueriesContext(connection) as captured:
        read_on(sender, f"{boot.stream}:10", limit=5)
        read_back(sender, limit=5)
        read_back(sender, f"{boot.stream}:2000", limit=5)
        read_back(sender, limit=5, run=run)
        read_back(sender, limit=5, level="error")

    asked = [one["sql"] for one in captured if "FROM lines" in one["sql"] and "LIMIT" in one["sql"]]
    assert len(asked) == 5
    for sql in asked:
        plan = plan_of(sender, sql)
        assert "Index" in plan, plan
        assert not re.search(r"(Seq Scan|-> *Sort)", plan), f"{sql}\n{plan}"


def plan_of(sender: Sender, sql: str) -> str:
    with tenant(sender.organization_id), searching.limited(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}")
        return "\n".join(row[0] for row in cursor.fetchall())
