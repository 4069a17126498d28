"""Deliveries of limited steps wait at gates: who is let through, in which order, and that a restart forgets nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.conformance.store.conftest import DEPLOYMENT, Opened
from tests.conformance.store.test_units import a_dead_letter, a_delivery, a_run
from wistro.store.port import (
    Admission,
    Admitted,
    DeliveryRow,
    Fenced,
    Gate,
    IdTaken,
    Rate,
    Store,
    Unit,
)

OTHER = "other"
SECOND_US = 1_000_000
WEEK_US = 7 * 24 * 3600 * SECOND_US


async def put(
    store: Store, *gates: Gate | None, due_at_us: int = 10, deployment_id: str = DEPLOYMENT
) -> list[DeliveryRow]:
    """One unit with a delivery at each gate."""
    run = a_run(store, open=len(gates))
    run.deployment_id = deployment_id
    rows = [a_delivery(store, run, due_at_us=due_at_us, claimed=False) for _ in gates]
    for row, gate in zip(rows, gates, strict=True):
        row.gate, row.deployment_id = gate, deployment_id
    await store.submit(Unit(new_runs=[run], new_deliveries=rows))
    return rows


async def admit(
    store: Store,
    *,
    now_us: int = 100,
    limit: int = 100,
    slots: int | None = None,
    rate: Rate | None = None,
    deployment_id: str = DEPLOYMENT,
) -> Admitted:
    asked = Admission(deployment_id, "b", now_us, limit, slots, rate, lambda row: Gate(), Gate())
    return await store.admit(asked)


def seqs(admitted: Admitted) -> list[int]:
    return [row.seq for row, _ in admitted.taken]


async def finish(store: Store, row: DeliveryRow) -> None:
    await store.submit(Unit(finished=[(row.seq, row.number)], gated=[row.seq]))


async def passed(store: Store, **asked: object) -> list[int]:
    """Whatever is let through, finished at once, until nothing more is."""
    order: list[int] = []
    while taken := (await admit(store, **asked)).taken:  # type: ignore[arg-type]
        for row, _ in taken:
            order.append(row.seq)
            await finish(store, row)
    return order


# Slots


async def test_no_more_are_let_through_than_there_are_slots(store: Store) -> None:
    rows = await put(store, *[Gate(slot="")] * 5)

    first = await admit(store, slots=2)
    none = await admit(store, slots=2)
    await finish(store, first.taken[0][0])
    third = await admit(store, slots=2)

    assert seqs(first) == [rows[0].seq, rows[1].seq]
    assert (none.taken, seqs(third)) == ([], [rows[2].seq])
    assert none.again_at_us is None


async def test_each_key_has_its_own_slots(store: Store) -> None:
    rows = await put(store, *[Gate(slot=key) for key in "aaab"])

    first = await admit(store, slots=1)

    assert seqs(first) == [rows[0].seq, rows[3].seq]
    assert await passed_after(store, first, slots=1) == [rows[1].seq, rows[2].seq]


async def passed_after(store: Store, admitted: Admitted, **asked: object) -> list[int]:
    for row, _ in admitted.taken:
        await finish(store, row)
    return await passed(store, **asked)


async def test_many_that_wait_for_one_key_hold_up_no_other(store: Store) -> None:
    rows = await put(store, *[Gate(slot="a")] * 300, *[Gate(slot="b")] * 2)

    found = await admit(store, slots=1, limit=10)
    while found.again_at_us is not None:
        found = Admitted(
            [*found.taken, *(more := await admit(store, slots=1)).taken], more.again_at_us
        )

    assert seqs(found) == [rows[0].seq, rows[300].seq]


async def test_a_retry_frees_its_slot_and_waits_for_one(store: Store) -> None:
    rows = await put(store, *[Gate(slot="a")] * 2)
    ((one, _),) = (await admit(store, slots=1)).taken

    again = replace(one, number=2, charged=1, due_at_us=200, claimed=False)
    await store.submit(Unit(retried=[(1, again)]))
    second = await admit(store, slots=1)
    await finish(store, second.taken[0][0])
    third = await admit(store, slots=1, now_us=200)

    assert second.again_at_us == 200
    assert (seqs(second), seqs(third)) == ([rows[1].seq], [rows[0].seq])
    assert third.taken[0][0].number == 2


async def test_a_slot_goes_to_another_deployment_too(store: Store) -> None:
    await store.serve(OTHER)
    ours = await put(store, Gate(slot="a"))
    theirs = await put(store, Gate(slot="a"), deployment_id=OTHER)

    first = await admit(store, slots=1)
    blocked = await admit(store, slots=1, deployment_id=OTHER)
    await finish(store, ours[0])
    second = await admit(store, slots=1, deployment_id=OTHER)

    assert (seqs(first), blocked.taken) == ([ours[0].seq], [])
    assert seqs(second) == [theirs[0].seq]


async def test_more_slots_are_filled_with_what_was_parked(store: Store) -> None:
    rows = await put(store, *[Gate(slot="a")] * 6)
    first = await admit(store, slots=1)
    await finish(store, first.taken[0][0])

    more = await admit(store, slots=3)
    while more.again_at_us is not None:
        more = Admitted(
            [*more.taken, *(next := await admit(store, slots=3)).taken], next.again_at_us
        )

    assert seqs(more) == [row.seq for row in rows[1:4]]


async def test_what_a_dead_boot_held_is_let_through_again(place: Opened) -> None:
    store = await place.open()
    rows = await put(store, *[Gate(lane="a", slot="a")] * 3)
    await admit(store, slots=1)

    again = await place.open()

    assert await passed(again, slots=1) == [row.seq for row in rows]


async def test_what_is_parked_is_counted_as_open(place: Opened) -> None:
    store = await place.open()
    await put(store, *[Gate(lane="a")] * 3)

    again = await place.open()

    assert await again.totals(DEPLOYMENT) == (1, 3)
    assert await again.gated_steps(DEPLOYMENT) == ["b"]


# Lanes


async def test_a_lane_is_in_the_order_of_commits(store: Store) -> None:
    run = a_run(store, open=3)
    rows = [a_delivery(store, run, claimed=False) for _ in range(3)]
    for row in rows:
        row.gate = Gate(lane="a")
    await store.submit(Unit(new_runs=[run], new_deliveries=[rows[2]]))
    await store.submit(Unit(new_deliveries=[rows[0]]))
    await store.submit(Unit(new_deliveries=[rows[1]]))

    assert await passed(store) == [rows[2].seq, rows[0].seq, rows[1].seq]


async def test_a_retrying_head_holds_up_its_own_lane_only(store: Store) -> None:
    rows = await put(store, *[Gate(lane=key) for key in "aab"])
    first = await admit(store)
    head = first.taken[0][0]

    await store.submit(Unit(retried=[(1, replace(head, number=2, due_at_us=500, claimed=False))]))

    assert seqs(first) == [rows[0].seq, rows[2].seq]
    assert (await admit(store)).taken == []
    assert await passed(store, now_us=500) == [rows[0].seq, rows[1].seq]


async def test_a_lane_is_shared_by_deployments(store: Store) -> None:
    await store.serve(OTHER)
    ours = await put(store, Gate(lane="a"))
    theirs = await put(store, Gate(lane="a"), deployment_id=OTHER)
    await put(store, Gate(lane="a"))

    first = await admit(store)
    blocked = await admit(store, deployment_id=OTHER)
    await finish(store, ours[0])

    assert (seqs(first), blocked.taken) == ([ours[0].seq], [])
    assert (await admit(store)).taken == []
    assert seqs(await admit(store, deployment_id=OTHER)) == [theirs[0].seq]


async def test_a_delayed_one_joins_when_it_is_due(store: Store) -> None:
    late = await put(store, Gate(lane="a", is_later=True), due_at_us=50)
    first = await put(store, Gate(lane="a"), due_at_us=10)
    last = await put(store, Gate(lane="a"), due_at_us=60)

    assert await passed(store, now_us=40) == [first[0].seq]
    assert await passed(store) == [late[0].seq, last[0].seq]


async def test_a_dead_letter_that_blocks_holds_its_lane_until_it_is_redriven(place: Opened) -> None:
    store = await place.open()
    rows = await put(store, *[Gate(lane="a")] * 2)
    ((head, run),) = (await admit(store)).taken
    dead = replace(a_dead_letter(head, run), gate=head.gate, blocks=True)
    await store.submit(Unit(finished=[(head.seq, 1)], gated=[head.seq], dead=dead))
    again = await place.open()
    assert (await admit(again)).taken == []

    kept = await again.dead_letter(dead.delivery_id)
    redriven = replace(head, seq=again.next_delivery_seq(), number=2, claimed=False)
    await again.submit(Unit(redriven=dead.delivery_id, new_deliveries=[redriven]))

    assert kept is not None
    assert (kept.gate, kept.blocks) == (Gate(lane="a"), True)
    assert await passed(again) == [rows[1].seq, redriven.seq]


async def test_a_dead_letter_leaves_its_lane(store: Store) -> None:
    rows = await put(store, *[Gate(lane="a")] * 2)
    ((head, run),) = (await admit(store)).taken
    dead = replace(a_dead_letter(head, run), gate=head.gate)

    await store.submit(Unit(finished=[(head.seq, 1)], gated=[head.seq], dead=dead))

    assert await passed(store) == [rows[1].seq]


async def test_what_is_cancelled_leaves_its_place(store: Store) -> None:
    rows = await put(store, *[Gate(lane="a")] * 3)
    (run,) = await store.runs()
    waiting = await store.run_deliveries(run.seq)

    await finish(store, rows[1])
    await finish(store, rows[0])

    assert [row.gate for row in waiting] == [Gate(lane="a")] * 3
    assert await passed(store) == [rows[2].seq]


async def test_a_unit_of_an_earlier_attempt_frees_nothing(store: Store) -> None:
    rows = await put(store, *[Gate(slot="a")] * 2)
    ((head, _),) = (await admit(store, slots=1)).taken

    with pytest.raises(Fenced):
        await store.submit(Unit(finished=[(head.seq, 9)], gated=[head.seq]))

    assert (await admit(store, slots=1)).taken == []
    assert len(rows) == 2


# Meters


async def test_no_more_begin_in_any_time_than_the_rate(store: Store) -> None:
    rows = await put(store, *[Gate(meter="")] * 4)
    rate = Rate(2, SECOND_US)

    first = await admit(store, rate=rate, now_us=100)
    early = await admit(store, rate=rate, now_us=SECOND_US + 99)
    later = await admit(store, rate=rate, now_us=SECOND_US + 100)

    assert seqs(first) == [rows[0].seq, rows[1].seq]
    assert (early.taken, early.again_at_us) == ([], SECOND_US + 100)
    assert seqs(later) == [rows[2].seq, rows[3].seq]


async def test_each_key_has_its_own_rate_and_a_restart_forgets_none(place: Opened) -> None:
    store = await place.open()
    rows = await put(store, *[Gate(meter=key) for key in "aaabb"])
    rate = Rate(1, SECOND_US)
    first = await admit(store, rate=rate)
    for row, _ in first.taken:
        await finish(store, row)

    again = await place.open()
    early = await admit(again, rate=rate, now_us=SECOND_US)
    later = await admit(again, rate=rate, now_us=SECOND_US + 100)

    assert seqs(first) == [rows[0].seq, rows[3].seq]
    assert (early.taken, early.again_at_us) == ([], SECOND_US + 100)
    assert seqs(later) == [rows[1].seq, rows[4].seq]


async def test_a_clock_that_was_ahead_holds_nothing_up_for_long(store: Store) -> None:
    rows = await put(store, *[Gate(meter="")] * 2)
    rate = Rate(1, SECOND_US)
    await admit(store, rate=rate, now_us=WEEK_US)

    blocked = await admit(store, rate=rate, now_us=100)

    assert blocked.again_at_us == SECOND_US + 100
    assert len(rows) == 2


# All together, and none any more


async def test_a_step_that_is_limited_no_more_lets_all_through(store: Store) -> None:
    rows = await put(store, *[Gate("a", "a", "a")] * 3)
    rate = Rate(1, SECOND_US)
    first = await admit(store, slots=1, rate=rate)

    await store.submit(Unit(ungated=[(DEPLOYMENT, "b")]))
    claimed = await store.claim(DEPLOYMENT, "b", due_at_us=100, limit=10)

    assert seqs(first) == [rows[0].seq]
    assert [row.seq for row, _ in claimed] == [rows[1].seq, rows[2].seq]


async def test_what_came_before_a_step_was_limited_is_let_through(store: Store) -> None:
    rows = await put(store, None, None)

    assert await passed(store, slots=1) == [rows[0].seq, rows[1].seq]


async def test_gates_are_refused_with_their_unit(store: Store) -> None:
    await put(store, Gate(lane="a"))
    run = a_run(store)
    refused = a_delivery(store, run, claimed=False)
    refused.gate = Gate(lane="a")

    with pytest.raises(Fenced):
        await store.submit(Unit(new_runs=[run], new_deliveries=[refused], finished=[(99, 1)]))

    assert len(await passed(store)) == 1


# Ids of emits


async def test_an_id_is_taken_once(place: Opened) -> None:
    store = await place.open()
    await store.submit(Unit(ids=[("t a", WEEK_US)]))

    with pytest.raises(IdTaken):
        await store.submit(Unit(ids=[("t b", WEEK_US + 1), ("t a", WEEK_US + 1)]))
    again = await place.open()

    assert await again.known_ids(["t a", "t b"], now_us=10) == ["t a"]


async def test_of_two_at_once_one_has_the_id(store: Store) -> None:
    units = [Unit(ids=[("t", WEEK_US)]), Unit(ids=[("t", WEEK_US)])]

    done = await asyncio.gather(*map(store.submit, units), return_exceptions=True)

    assert sorted(isinstance(one, IdTaken) for one in done) == [False, True]


async def test_an_id_is_free_again_after_its_time(store: Store) -> None:
    await store.submit(Unit(ids=[("t", WEEK_US)]))

    await store.submit(Unit(ids=[("t", 2 * WEEK_US + 1)]))

    assert await store.known_ids(["t"], now_us=WEEK_US + 1) == ["t"]
    assert await store.known_ids(["t"], now_us=3 * WEEK_US) == []


# What is due later


async def test_what_is_due_later_is_listed_soonest_first(store: Store) -> None:
    late = await put(store, None, Gate(lane="a", is_later=True), due_at_us=300)
    soon = await put(store, None, due_at_us=200)
    await put(store, None, due_at_us=100)

    first = await store.delayed(now_us=100, limit=2)
    last = first[-1][0]
    rest = await store.delayed(now_us=100, limit=2, after=(last.due_at_us, last.seq))

    assert [row.seq for row, _ in first + rest] == [soon[0].seq, late[0].seq, late[1].seq]
    assert rest[0][0].gate == Gate(lane="a")


async def test_an_open_delivery_is_found_by_its_id(store: Store) -> None:
    (row,) = await put(store, Gate(slot="a"))

    found = await store.open_delivery(row.delivery_id)

    assert found is not None
    assert (found[0].seq, found[0].gate, found[1].is_here) == (row.seq, Gate(slot="a"), True)
    assert await store.open_delivery("none") is None
