"""What a store that several engines share promises beyond the others: whose a run is, what both write, what is unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conformance.store.conftest import DEPLOYMENT, OnPostgres
from tests.conformance.store.test_units import a_delivery, a_run, put
from wistro.store.port import (
    Admission,
    AnswerTaken,
    Command,
    DeliveryRow,
    Fenced,
    Gate,
    Moved,
    Others,
    StateWrite,
    StoreBroken,
    StoredAnswer,
    TickTaken,
    Unit,
)
from wistro.store.postgres.connecting import hang_up
from wistro.store.postgres.schema import BadSchema
from wistro.store.postgres.store import PostgresStore
from wistro.store.sqlite_file import StoreNewer, StoreUnreadable

FAR_US = 10**18


class Heard:
    """An engine among others, and what it is told of them."""

    def __init__(self, store: PostgresStore) -> None:
        self.store = store
        self.moved: list[Moved] = []
        self.left: list[str] = []
        self.commands: list[Command] = []
        self.broken: list[StoreBroken] = []
        self.is_idle = False
        self._more = asyncio.Event()

    def others(self) -> Others:
        return Others(
            moved=lambda one: self._told(self.moved, one),
            left=lambda chunks, streams: self._told(self.left, *(name for name, _ in streams)),
            command=lambda one: self._told(self.commands, one),
            idle_steps=lambda _: ["b"] if self.is_idle else [],
        )

    def _told(self, kept: list[Any], *told: Any) -> None:
        kept.extend(told)
        self._more.set()

    def broke(self, broken: StoreBroken) -> None:
        self._told(self.broken, broken)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not holds():
                self._more.clear()
                await self._more.wait()


class Several:
    def __init__(self, place: OnPostgres) -> None:
        self._place = place
        self.engines: list[Heard] = []

    async def join(self, *, lease_s: float = 0.6, serves: bool = True) -> Heard:
        stream = f"stream-{len(self.engines)}"
        store = PostgresStore(self._place.url, stream=stream, lease_s=lease_s, beat_s=lease_s / 6)
        heard = Heard(store)
        store.share(heard.others())
        await store.start(on_chunk=self._place.chunks.append, on_broken=heard.broke)
        if serves:
            await store.serve(DEPLOYMENT)
        self._place.boots.append(store)
        self.engines.append(heard)
        return heard


@pytest.fixture
def several(on_postgres: OnPostgres) -> Several:
    return Several(on_postgres)


async def claimed(store: PostgresStore) -> list[tuple[int, int]]:
    taken = await store.claim(DEPLOYMENT, "b", due_at_us=FAR_US, limit=100)
    return [(row.seq, row.number) for row, _ in taken]


# Whose a run is


async def test_a_run_is_claimed_by_its_own_engine_alone(several: Several) -> None:
    one, two = await several.join(), await several.join()
    _, delivery = await put(one.store, claimed=False)

    assert await claimed(two.store) == []
    assert await claimed(one.store) == [(delivery.seq, 1)]


async def test_a_lost_engines_runs_are_taken_over_once_its_lease_has_run_out(
    several: Several,
) -> None:
    lost, other = await several.join(), await several.join()
    run, held = await put(lost.store)
    waiting = a_delivery(lost.store, run, claimed=False)
    await lost.store.submit(Unit(new_deliveries=[waiting], run_changes=[(run.seq, 1, "calling")]))

    await lost.store.abandon()
    await other.until(lambda: bool(other.moved and other.left))

    assert [(one.runs, one.deliveries) for one in other.moved] == [(1, 2)]
    assert [row.run_id for row in other.moved[0].calling] == [run.run_id]
    assert other.left == ["stream-0"]
    assert sorted(await claimed(other.store)) == [(held.seq, 2), (waiting.seq, 1)]


async def test_what_an_engine_that_was_thought_dead_still_sends_is_refused(
    several: Several, on_postgres: OnPostgres
) -> None:
    zombie, other = await several.join(lease_s=60), await several.join()
    _, delivery = await put(zombie.store)
    on_postgres.sql("UPDATE engines SET lease_until = '-infinity' WHERE stream = 'stream-0'")
    await other.until(lambda: bool(other.moved))

    with pytest.raises(StoreBroken, match="another engine has taken"):
        await zombie.store.submit(
            Unit(finished=[(delivery.seq, 1)], writes=[StateWrite("set", "g", "k", "zombie")])
        )

    assert len(zombie.broken) == 1
    assert await other.store.get("g", "k") is None
    assert await claimed(other.store) == [(delivery.seq, 2)]


async def test_what_an_engine_was_to_count_goes_with_it(
    several: Several, on_postgres: OnPostgres
) -> None:
    lost, other = await several.join(), await several.join()
    await put(lost.store)
    on_postgres.sql("INSERT INTO taken VALUES (1, 'd', 1, 1)")
    await lost.store.abandon()

    await other.until(lambda: bool(other.moved))
    await other.store._members._asked(other.store._members._tidy)

    assert on_postgres.sql("SELECT boot FROM taken") == []


async def test_a_beat_that_fails_is_told_at_once(
    several: Several, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await several.join()

    def idle_steps(deployment_id: str) -> list[str]:
        raise KeyError(deployment_id)

    monkeypatch.setattr(one.store._members, "_others", Others(
        moved=lambda moved: None, left=lambda chunks, streams: None, command=lambda command: None,
        idle_steps=idle_steps,
    ))  # fmt: skip
    await one.until(lambda: bool(one.broken))

    assert DEPLOYMENT in str(one.broken[0])


async def test_engines_of_another_schema_on_the_server_are_left_alone(
    several: Several, on_postgres: OnPostgres
) -> None:
    """Boots are counted schema by schema: each has a first."""
    ours = await several.join(lease_s=60)
    elsewhere = OnPostgres(on_postgres.path, on_postgres.server)
    theirs = Several(elsewhere)
    try:
        lost, heir = await theirs.join(), await theirs.join()
        await put(lost.store)
        await lost.store.abandon()
        await heir.until(
            lambda: bool(heir.moved)
        )  # its lease ran out, and its connections were ended

        await put(ours.store)

        assert on_postgres.sql("SELECT session FROM engines") == [(2,)]  # it never came back anew
    finally:
        await elsewhere.close()


async def test_an_engine_that_ends_in_order_leaves_its_runs_at_once(several: Several) -> None:
    ending, other = await several.join(lease_s=600), await several.join(lease_s=600)
    await put(ending.store, claimed=False)

    await ending.store.close()
    await other.until(lambda: bool(other.moved))

    assert len(await claimed(other.store)) == 1


async def test_runs_are_taken_by_who_serves_their_deployment_only(several: Several) -> None:
    lost, other = await several.join(), await several.join(serves=False)
    await put(lost.store, claimed=False)
    await lost.store.close()

    await other.until(lambda: bool(other.left))
    assert other.moved == []

    await other.store.serve(DEPLOYMENT)
    assert [one.runs for one in other.moved] == [1]


async def test_an_idle_engine_takes_of_what_waits_and_nothing_that_is_held(
    several: Several,
) -> None:
    busy, idle = await several.join(), await several.join()
    for _ in range(6):
        await put(busy.store, claimed=False)
    _, held = await put(busy.store)

    idle.is_idle = True
    await idle.until(lambda: bool(idle.moved))
    idle.is_idle = False
    await busy.until(lambda: bool(busy.moved))

    theirs, ours = await claimed(idle.store), await claimed(busy.store)
    assert theirs and len(theirs) + len(ours) == 6
    assert sum(one.runs for one in busy.moved) == -sum(one.runs for one in idle.moved)
    assert held.seq not in dict(theirs)
    await busy.store.submit(Unit(finished=[(held.seq, 1)]))


async def test_a_change_to_a_run_that_went_to_another_engine_is_refused(several: Several) -> None:
    busy, idle = await several.join(), await several.join()
    runs = [await put(busy.store, claimed=False) for _ in range(2)]
    idle.is_idle = True
    await idle.until(lambda: bool(idle.moved))
    idle.is_idle = False
    read = [await busy.store.run(run.run_id) for run, _ in runs]
    [gone] = [row for row in read if row and not row.is_here]

    with pytest.raises(Fenced):
        await busy.store.submit(
            Unit(new_deliveries=[a_delivery(busy.store, gone)], run_changes=[(gone.seq, 1, "")])
        )


async def test_a_command_reaches_the_engine_whose_run_it_is(several: Several) -> None:
    owner, other = await several.join(lease_s=6), await several.join(lease_s=6)
    run, _ = await put(owner.store)

    telling = asyncio.create_task(other.store.tell(run.run_id, "cancel", b"null"))
    await owner.until(lambda: bool(owner.commands))
    [command, *_] = owner.commands
    assert (command.run_id, command.kind, command.body) == (run.run_id, "cancel", b"null")
    assert other.commands == []

    await owner.store.submit(Unit(done_commands=[command.id]))
    assert await telling is True


async def test_a_command_for_a_run_that_has_ended_is_taken_back(several: Several) -> None:
    one = await several.join()

    assert await one.store.tell("no such run", "cancel", b"null") is False


# What both write


async def test_increments_of_two_engines_all_count_also_from_nothing(several: Several) -> None:
    one, two = await several.join(lease_s=30), await several.join(lease_s=30)
    units = [
        engine.store.submit(
            Unit(
                writes=[
                    StateWrite("increment", "g", f"k{(number * step) % 7}"),
                    StateWrite("append", "g", "all", f"{step}-{number}"),
                    StateWrite("set", "h", f"k{number % 5}", number),
                ]
            )
        )
        for number in range(200)
        for engine, step in ((one, 3), (two, 5))
    ]
    await asyncio.gather(*units)

    values: dict[str, Any] = {key: value for key, value in await one.store.list("g")}
    assert len(values.pop("all")) == 400
    assert sum(values.values()) == 400


async def test_a_tick_fires_in_one_engine(several: Several) -> None:
    engines = [await several.join(lease_s=30) for _ in range(2)]
    fired = await asyncio.gather(
        *(one.store.submit(Unit(tick=("nightly", 100))) for one in engines), return_exceptions=True
    )

    assert sorted(type(one).__name__ for one in fired) == ["NoneType", "TickTaken"]
    assert any(isinstance(one, TickTaken) for one in fired)


async def test_an_answer_is_one_engines_and_its_key_is_held_until_then(several: Several) -> None:
    one, two = await several.join(lease_s=30), await several.join(lease_s=30)
    answers = [StoredAnswer(200, [], name, "run") for name in (b"one", b"two")]

    assert await one.store.hold_answer("key") is True
    assert await two.store.hold_answer("key") is False

    await one.store.submit(Unit(answer=("key", answers[0], FAR_US)))
    with pytest.raises(AnswerTaken):
        await two.store.submit(
            Unit(answer=("key", answers[1], FAR_US), writes=[StateWrite("set", "g", "k", 1)])
        )
    assert await two.store.answer("key", now_us=0) == answers[0]
    assert await two.store.get("g", "k") is None


async def test_a_key_that_was_freed_is_anyones(several: Several) -> None:
    one, two = await several.join(lease_s=30), await several.join(lease_s=30)
    await one.store.hold_answer("key")
    await two.store._free("key")  # is not its own to free
    assert await two.store.hold_answer("key") is False

    await one.store._free("key")

    assert await two.store.hold_answer("key") is True


async def test_a_key_that_a_dead_engine_held_is_free(several: Several) -> None:
    dead, other = await several.join(), await several.join()
    await dead.store.hold_answer("key")
    await dead.store.abandon()
    await other.until(lambda: bool(other.left))

    assert await other.store.hold_answer("key") is True


# What is unknown, and a server that is gone


async def test_a_connection_that_breaks_under_load_leaves_each_unit_counted_once(
    several: Several,
) -> None:
    one = await several.join(lease_s=30)
    units = []
    for number in range(300):
        units.append(one.store.submit(Unit(writes=[StateWrite("increment", "g", "n")])))
        if number % 60 == 30:
            await asyncio.sleep(0)
            hang_up(one.store._connection)
        if number % 10 == 0:
            await units[-1]
    await asyncio.gather(*units)

    assert await one.store.get("g", "n") == 300
    assert one.broken == []


async def test_a_claim_whose_answer_is_lost_is_found_again(
    several: Several, on_postgres: OnPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await several.join(lease_s=30)
    rows = [await put(one.store, claimed=False) for _ in range(3)]
    applying = one.store._applying
    apply = applying.apply

    async def lost(group: Any) -> None:
        await apply(group)
        raise psycopg.OperationalError("the answer is lost")

    monkeypatch.setattr(applying, "apply", lost)

    assert await claimed(one.store) == [(delivery.seq, 1) for _, delivery in rows]
    assert one.store._applying is not applying


async def test_records_keep_one_sequence_over_a_broken_connection(
    several: Several, on_postgres: OnPostgres
) -> None:
    one = await several.join(lease_s=30)
    record = (b'{"kind":"run","seq":', b"}")
    for number in range(40):
        unit = one.store.submit(Unit(records=[record]))
        if number % 10 == 5:
            await asyncio.sleep(0)
            hang_up(one.store._connection)
        await unit

    spans = [(chunk.first, chunk.last) for chunk in on_postgres.chunks]
    assert spans == [(number, number) for number in range(1, 41)]
    kept = on_postgres.sql("SELECT first_seq, last_seq FROM outbox ORDER BY first_seq")
    assert kept == spans


# Tables and addresses


async def test_a_schema_of_a_later_release_is_refused(
    several: Several, on_postgres: OnPostgres
) -> None:
    await several.join()
    on_postgres.sql("UPDATE meta SET value = 99 WHERE name = 'schema'")

    with pytest.raises(StoreNewer, match="99"):
        await several.join()


async def test_two_environments_on_one_server_do_not_meet(
    several: Several, on_postgres: OnPostgres, tmp_path: Any
) -> None:
    one = await several.join()
    beside = OnPostgres(tmp_path, on_postgres.server)
    other = await beside.open()
    await one.store.submit(Unit(writes=[StateWrite("set", "g", "k", 1)]))
    run = a_run(one.store)
    await one.store.submit(Unit(new_runs=[run], new_deliveries=[a_delivery(one.store, run)]))

    assert await other.entry("g", "k") != 1
    assert await other.run(run.run_id) is None
    await beside.close()


def test_a_schemas_name_is_letters_digits_and_underscores() -> None:
    with pytest.raises(BadSchema):
        PostgresStore('postgres://host/db?schema=x";drop', stream="s")


async def test_a_server_that_is_not_there_is_said_in_one_line(tmp_path: Any) -> None:
    store = PostgresStore(f"postgres://nobody@/db?host={tmp_path}", stream="s")

    with pytest.raises(StoreUnreadable, match="cannot be opened"):
        await store.start(on_chunk=lambda _: None, on_broken=lambda _: None)


# Limits


async def wait_at_gate(one: Heard, gate: Gate) -> DeliveryRow:
    run = a_run(one.store)
    row = a_delivery(one.store, run, claimed=False)
    row.gate = gate
    await one.store.submit(Unit(new_runs=[run], new_deliveries=[row]))
    return row


async def let_through(one: Heard, *, now_us: int = 100) -> tuple[list[int], int | None]:
    asked = Admission(DEPLOYMENT, "b", now_us, 10, 1, None, lambda row: Gate(), Gate())
    admitted = await one.store.admit(asked)
    return [row.seq for row, _ in admitted.taken], admitted.again_at_us


async def finish(one: Heard, row: DeliveryRow) -> None:
    await one.store.submit(Unit(finished=[(row.seq, row.number)], gated=[row.seq]))


async def test_two_engines_share_slots(several: Several) -> None:
    first, second = await several.join(), await several.join()
    ours = await wait_at_gate(first, Gate(slot="a"))
    theirs = await wait_at_gate(second, Gate(slot="a"))

    let = await let_through(first)
    held_up = await let_through(second)
    await finish(first, ours)

    assert let[0] == [ours.seq]
    assert held_up[0] == [] and held_up[1] is not None  # nobody tells it, so it looks again
    assert (await let_through(second))[0] == [theirs.seq]


async def test_two_engines_share_a_lane_in_the_order_of_commits(several: Several) -> None:
    first, second = await several.join(), await several.join()
    theirs = await wait_at_gate(second, Gate(lane="a"))
    ours = await wait_at_gate(first, Gate(lane="a"))

    assert (await let_through(first))[0] == []
    assert (await let_through(second))[0] == [theirs.seq]
    await finish(second, theirs)
    assert (await let_through(first))[0] == [ours.seq]


async def test_what_an_ended_engine_held_is_let_through_by_its_heir(several: Several) -> None:
    first, second = await several.join(), await several.join()
    ours = await wait_at_gate(first, Gate(lane="a", slot="a"))
    theirs = await wait_at_gate(second, Gate(lane="a", slot="a"))
    assert (await let_through(first))[0] == [ours.seq]
    await first.store.close()
    await second.until(lambda: any(one.deliveries for one in second.moved))

    assert (await let_through(second))[0] == [ours.seq]
    ours.number += 1
    await finish(second, ours)
    assert (await let_through(second))[0] == [theirs.seq]
