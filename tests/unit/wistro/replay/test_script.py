from __future__ import annotations

import asyncio

from tests.factories.attempts import an_attempt
from wistro.protocol.records import AttemptRecord
from wistro.replay.places import by_place
from wistro.replay.script import Script
from wistro.store.port import DeliveryRow


def a_row(step: str, *, parent: str, ordinal: int = 0, topic: str = "t") -> DeliveryRow:
    return DeliveryRow(
        seq=1,
        delivery_id=f"new-{step}-{ordinal}",
        run_seq=1,
        deployment_id="local",
        step=step,
        kind="event",
        topic=topic,
        message=b"null",
        due_at_us=0,
        parent_attempt_id=parent,
        ordinal=ordinal,
    )


class Play:
    """A script, and attempts that take their turns in it."""

    def __init__(self, *attempts: AttemptRecord) -> None:
        self.script = Script(by_place(attempts))
        self.begun: list[str] = []

    async def begin(self, step: str, key: str) -> AttemptRecord | None:
        found = await self.script.turn(step, key, f"replayed-{key}")
        self.begun.append(key)
        return found

    async def settle(self, key: str) -> None:
        self.script.settled(f"replayed-{key}")
        for _ in range(5):
            await asyncio.sleep(0)  # those whose turn it is now go on


async def a_root(play: Play, *rows: DeliveryRow) -> None:
    await play.begin("src/a", "run")
    for row in rows:
        row.parent_attempt_id = "replayed-run"
        play.script.emitted(row)
    await play.settle("run")


async def test_deliveries_go_one_at_a_time_in_the_order_of_their_commits() -> None:
    root = an_attempt("src/a")
    slow = an_attempt("src/b", of=root, at=5, took=90, delivery_id="slow")
    quick = an_attempt("src/c", of=root, at=5, took=10, delivery_id="quick")
    play = Play(root, slow, quick)
    await a_root(play, a_row("src/b", parent=""), a_row("src/c", parent=""))

    tasks = [
        asyncio.create_task(play.begin("src/b", "slow")),
        asyncio.create_task(play.begin("src/c", "quick")),
    ]
    await play.settle("nothing")
    first = list(play.begun)
    await play.settle("quick")

    assert first == ["run", "quick"]
    assert play.begun == ["run", "quick", "slow"]
    await asyncio.gather(*tasks)


async def test_a_delivery_takes_the_samples_id_which_is_its_key() -> None:
    root = an_attempt("src/a")
    play = Play(root, an_attempt("src/b", of=root, at=5, ordinal=3, delivery_id="theirs"))
    row = a_row("src/b", parent="", ordinal=3)
    other = a_row("src/b", parent="", ordinal=4)

    await a_root(play, row, other)

    assert row.delivery_id == "theirs"
    assert other.delivery_id == "new-src/b-4"


async def test_what_the_sample_does_not_have_is_not_run() -> None:
    root = an_attempt("src/a")
    play = Play(root)
    await a_root(play, a_row("src/b", parent=""))

    found = await play.begin("src/b", "new-src/b-0")

    assert found is None
    assert play.script.unexpected == ["src/b"]


async def test_nobody_waits_for_what_can_no_longer_come() -> None:
    root = an_attempt("src/a")
    missing = an_attempt("src/b", of=root, at=5, delivery_id="missing")
    below = an_attempt("src/d", of=missing, at=7, delivery_id="below")
    later = an_attempt("src/c", of=root, at=9, delivery_id="later")
    play = Play(root, missing, below, later)

    await a_root(play, a_row("src/c", parent=""))
    async with asyncio.timeout(5):
        found = await play.begin("src/c", "later")

    assert found is later


async def test_what_may_still_follow_from_another_is_waited_for() -> None:
    root = an_attempt("src/a")
    first = an_attempt("src/b", of=root, at=5, delivery_id="first")
    below = an_attempt("src/d", of=first, at=7, delivery_id="below")
    last = an_attempt("src/c", of=root, at=5, took=90, delivery_id="last")
    play = Play(root, first, below, last)
    await a_root(play, a_row("src/b", parent=""), a_row("src/c", parent=""))

    tasks = [asyncio.create_task(play.begin("src/c", "last"))]
    tasks.append(asyncio.create_task(play.begin("src/b", "first")))
    await play.settle("nothing")
    play.script.emitted(a_row("src/d", parent="replayed-first"))
    await play.settle("first")
    before = list(play.begun)
    tasks.append(asyncio.create_task(play.begin("src/d", "below")))
    await play.settle("nothing")
    await play.settle("below")

    assert before == ["run", "first"]
    assert play.begun == ["run", "first", "below", "last"]
    await asyncio.gather(*tasks)
