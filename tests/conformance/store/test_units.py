"""A unit of work is applied whole, durably, once, and by its current attempt only."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.conformance.store.conftest import Opened, now
from wistro.store.port import (
    BadStateOperation,
    DeadLetter,
    DeliveryRow,
    Fenced,
    RunRow,
    StateWrite,
    Store,
    StoreBroken,
    StoredAnswer,
    TickTaken,
    Unit,
)

HOUR_US = 3600 * 1_000_000


def a_run(store: Store, *, open: int = 1) -> RunRow:
    seq = store.next_run_seq()
    return RunRow(seq, f"run-{seq}", "deployment", b"{}", open)


def a_delivery(
    store: Store, run: RunRow, *, step: str = "b", due_at_us: int = 10, claimed: bool = True
) -> DeliveryRow:
    seq = store.next_delivery_seq()
    return DeliveryRow(
        seq,
        f"delivery-{seq:03}",
        run.seq,
        "deployment",
        step,
        "event",
        "t",
        b'{"n":1}',
        due_at_us,
        claimed=claimed,
    )


async def put(
    store: Store, *, claimed: bool = True, due_at_us: int = 10, step: str = "b"
) -> tuple[RunRow, DeliveryRow]:
    run = a_run(store)
    delivery = a_delivery(store, run, claimed=claimed, due_at_us=due_at_us, step=step)
    await store.submit(Unit(new_runs=[run], new_deliveries=[delivery]))
    return run, delivery


def a_dead_letter(delivery: DeliveryRow, run: RunRow) -> DeadLetter:
    return DeadLetter(
        delivery.delivery_id,
        run.run_id,
        "deployment",
        delivery.step,
        "event",
        "t",
        delivery.message,
        b"{}",
        "",
        4,
        99,
        b"{}",
    )


async def test_a_run_and_its_delivery_are_there_after_a_restart(place: Opened) -> None:
    run, delivery = await put(await place.open())

    reopened = await place.open()
    taken = await reopened.claim("deployment", "b", due_at_us=10, limit=10)

    assert taken == [(replace(delivery, number=2), run)]


async def test_a_delivery_that_nobody_held_keeps_its_number_over_a_restart(place: Opened) -> None:
    await put(await place.open(), claimed=False)

    reopened = await place.open()
    [(delivery, _)] = await reopened.claim("deployment", "b", due_at_us=10, limit=10)

    assert delivery.number == 1


async def test_claiming_takes_the_oldest_due_first_and_each_once(store: Store) -> None:
    for due_at_us in (30, 10, 20, 40):
        await put(store, claimed=False, due_at_us=due_at_us)

    first = await store.claim("deployment", "b", due_at_us=30, limit=2)
    second = await store.claim("deployment", "b", due_at_us=30, limit=2)

    assert [one.due_at_us for one, _ in first] == [10, 20]
    assert [one.due_at_us for one, _ in second] == [30]
    assert await store.next_due("deployment", "b") == 40


async def test_a_run_is_ended_only_as_it_was_read(store: Store) -> None:
    run, delivery = await put(store)
    child = a_delivery(store, run)
    await store.submit(Unit(new_deliveries=[child], run_changes=[(run.seq, 1, "")]))

    finished = [(delivery.seq, delivery.number)]
    with pytest.raises(Fenced):
        await store.submit(Unit(finished=finished, ends=(run.seq, 1)))
    assert await store.run(run.run_id) is not None
    await store.submit(Unit(finished=[*finished, (child.seq, child.number)], ends=(run.seq, 2)))

    assert await store.run(run.run_id) is None
    assert await store.run_deliveries(run.seq) == []


async def test_a_run_that_is_gone_takes_no_further_delivery(store: Store) -> None:
    run, delivery = await put(store)
    await store.submit(Unit(finished=[(delivery.seq, 1)], ended_runs=[run.seq]))

    with pytest.raises(Fenced):
        change = [(run.seq, 1, "")]
        await store.submit(Unit(new_deliveries=[a_delivery(store, run)], run_changes=change))

    assert await store.totals("deployment") == (0, 0)


async def test_steps_with_waiting_deliveries_are_named_once(store: Store) -> None:
    for step in ("c", "a", "c", "b"):
        await put(store, claimed=False, step=step)
    await put(store, claimed=True, step="held")

    assert await store.waiting_steps("deployment") == ["a", "b", "c"]
    assert await store.waiting_steps("other") == []


async def test_what_a_deployment_left_is_counted(place: Opened) -> None:
    store = await place.open()
    run = a_run(store, open=3)
    rows = [a_delivery(store, run, claimed=claimed) for claimed in (True, False, False)]
    await store.submit(Unit(new_runs=[run], new_deliveries=rows))
    await put(store, step="c")

    again = await place.open()  # what the last boot held waits again

    assert await again.totals("deployment") == (2, 4)
    assert await again.totals("another") == (0, 0)


async def test_a_delivery_whose_run_is_gone_stops_no_other(store: Store) -> None:
    run, _ = await put(store, claimed=False)
    await store.submit(Unit(ended_runs=[run.seq]))
    _, other = await put(store, claimed=False)

    taken = await store.claim("deployment", "b", due_at_us=100, limit=10)

    assert [row.seq for row, _ in taken] == [other.seq]


async def test_a_stale_attempt_is_refused_and_its_neighbours_are_not(store: Store) -> None:
    run, delivery = await put(store)
    await store.submit(Unit(retried=[(1, replace(delivery, number=2))]))

    stale = store.submit(
        Unit(finished=[(delivery.seq, 1)], writes=[StateWrite("set", "g", "stale", 1)])
    )
    neighbour = store.submit(Unit(writes=[StateWrite("set", "g", "neighbour", 1)]))
    with pytest.raises(Fenced):
        await stale
    await neighbour

    assert await now(store.list("g")) == [["neighbour", 1]]
    assert [one.number for one in await store.run_deliveries(run.seq)] == [2]


async def test_two_commits_of_one_attempt_in_one_group_count_once(store: Store) -> None:
    _, delivery = await put(store)

    both = [
        store.submit(
            Unit(finished=[(delivery.seq, 1)], writes=[StateWrite("increment", "g", "n", 1)])
        )
        for _ in range(2)
    ]
    results = await asyncio.gather(*both, return_exceptions=True)

    assert [type(result) for result in results] == [type(None), Fenced]
    assert await now(store.get("g", "n")) == 1


async def test_a_tick_fires_once_for_an_instant(store: Store) -> None:
    run = a_run(store)
    first = store.submit(
        Unit(tick=("nightly", 100), new_runs=[run], new_deliveries=[a_delivery(store, run)])
    )
    again = a_run(store)
    second = store.submit(
        Unit(tick=("nightly", 100), new_runs=[again], new_deliveries=[a_delivery(store, again)])
    )

    await first
    with pytest.raises(TickTaken):
        await second

    assert [one.run_id for one in await store.runs()] == [run.run_id]


async def test_a_cursor_never_goes_back(store: Store) -> None:
    await store.submit(Unit(cursor=("nightly", 100)))
    await store.submit(Unit(cursor=("nightly", 50)))

    assert await store.cursor("nightly") == 100
    assert await store.cursor("other") is None


async def test_state_operations_apply_in_order_at_commit(store: Store) -> None:
    await store.submit(
        Unit(
            writes=[
                StateWrite("set", "g", "n", 1),
                StateWrite("increment", "g", "n", 2),
                StateWrite("append", "g", "items", "x"),
                StateWrite("append", "g", "items", "y"),
                StateWrite("merge", "g", "object", {"a": 1}),
                StateWrite("merge", "g", "object", {"b": 2}),
                StateWrite("set", "g", "gone", 1),
                StateWrite("delete", "g", "gone"),
            ]
        )
    )

    assert await now(store.list("g")) == [
        ["items", ["x", "y"]],
        ["n", 3],
        ["object", {"a": 1, "b": 2}],
    ]
    assert await now(store.get("g", "gone")) is None


async def test_concurrent_increments_all_count(store: Store) -> None:
    await asyncio.gather(
        *(store.submit(Unit(writes=[StateWrite("increment", "g", "n")])) for _ in range(50))
    )

    assert await now(store.get("g", "n")) == 50


async def test_clearing_a_group_spares_what_is_written_after_it_and_other_groups(
    store: Store,
) -> None:
    await store.submit(
        Unit(writes=[StateWrite("set", "g", "a", 1), StateWrite("set", "h", "a", 1)])
    )

    await store.submit(
        Unit(
            writes=[
                StateWrite("set", "g", "b", 1),
                StateWrite("clear", "g"),
                StateWrite("increment", "g", "a", 5),
            ]
        )
    )

    assert await now(store.list("g")) == [["a", 5]]
    assert await now(store.list("h")) == [["a", 1]]


async def test_an_operation_that_does_not_fit_refuses_its_whole_unit_alone(store: Store) -> None:
    await store.submit(Unit(writes=[StateWrite("set", "g", "word", "text")]))

    run = a_run(store)
    bad = store.submit(
        Unit(
            new_runs=[run],
            new_deliveries=[a_delivery(store, run)],
            writes=[StateWrite("set", "g", "other", 1), StateWrite("increment", "g", "word")],
        )
    )
    good = store.submit(Unit(writes=[StateWrite("set", "g", "good", 1)]))
    with pytest.raises(BadStateOperation, match="increment wants numbers"):
        await bad
    await good

    assert await now(store.list("g")) == [["good", 1], ["word", "text"]]
    assert await store.runs() == []


async def test_a_text_that_cannot_be_kept_refuses_its_unit_alone(store: Store) -> None:
    bad = store.submit(Unit(writes=[StateWrite("set", "g", "\ud800", 1)]))
    good = store.submit(Unit(writes=[StateWrite("set", "g", "good", 1)]))

    with pytest.raises(ValueError, match="surrogates"):
        await bad
    await good

    assert await now(store.list("g")) == [["good", 1]]


async def test_a_number_beyond_int64_refuses_its_unit_alone(store: Store) -> None:
    bad = store.submit(Unit(cursor=("nightly", 2**63)))
    good = store.submit(Unit(writes=[StateWrite("set", "g", "good", 1)]))

    with pytest.raises(OverflowError):
        await bad
    await good

    assert await now(store.list("g")) == [["good", 1]]


async def test_a_stored_answer_is_given_until_it_expires(store: Store) -> None:
    kept = StoredAnswer(201, [("content-type", "text/plain")], b"made", "run-1")
    await store.submit(Unit(answer=("key", kept, HOUR_US)))

    assert await store.answer("key", now_us=HOUR_US - 1) == kept
    assert await store.answer("key", now_us=HOUR_US) is None
    assert await store.answer("other", now_us=0) is None


async def test_expired_answers_leave_as_new_ones_come(store: Store) -> None:
    day_us = 24 * HOUR_US
    for day in range(1, 6):
        await store.submit(
            Unit(answer=(f"key-{day}", StoredAnswer(200, [], b"", "r"), day * day_us + day_us))
        )

    left = [day for day in range(1, 6) if await store.answer(f"key-{day}", now_us=0)]

    assert left == [5]


async def test_a_dead_letter_stays_until_it_is_redriven(place: Opened) -> None:
    store = await place.open()
    run, delivery = await put(store)
    dead = a_dead_letter(delivery, run)
    await store.submit(
        Unit(
            finished=[(delivery.seq, 1)],
            run_changes=[(run.seq, -1, "dead")],
            ended_runs=[run.seq],
            dead=dead,
        )
    )
    reopened = await place.open()
    assert await reopened.dead_letters() == [dead]
    assert await reopened.runs() == []

    again = a_run(reopened)
    await reopened.submit(
        Unit(
            redriven=dead.delivery_id,
            new_runs=[again],
            new_deliveries=[a_delivery(reopened, again)],
        )
    )

    assert await reopened.dead_letter(dead.delivery_id) is None
    assert len(await reopened.runs()) == 1


async def test_dead_letters_are_paged_newest_first(store: Store) -> None:
    died: list[str] = []
    for _ in range(3):
        run, delivery = await put(store)
        await store.submit(Unit(finished=[(delivery.seq, 1)], dead=a_dead_letter(delivery, run)))
        died.append(delivery.delivery_id)

    first = await store.dead_letters(limit=2)
    rest = await store.dead_letters(limit=2, before=first[-1].delivery_id)

    assert [one.delivery_id for one in [*first, *rest]] == died[::-1]


async def test_an_earlier_boot_is_fenced_as_a_whole(place: Opened) -> None:
    zombie = await place.open()
    _, delivery = await put(zombie)
    current = await place.open()

    with pytest.raises(StoreBroken, match="another engine has taken"):
        await zombie.submit(
            Unit(finished=[(delivery.seq, 1)], writes=[StateWrite("set", "g", "k", "zombie")])
        )
    with pytest.raises(StoreBroken):
        await zombie.submit(Unit())

    assert len(place.broken) == 1
    assert await now(current.get("g", "k")) is None
    assert len(await current.claim("deployment", "b", due_at_us=10, limit=10)) == 1
