"""Tasks: opened and ended with their deliveries, found by their links' hashes, told of until they are old."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.conformance.store.conftest import Opened
from tests.conformance.store.test_units import put
from wistro.store.port import DeliveryRow, Fenced, RunRow, Store, Unit
from wistro.store.tasks import KEPT_US, TaskEnd, TaskFilter, TaskLink, TaskRow

LATER_US = 1_000_000


def a_task(delivery: DeliveryRow, run: RunRow, **more: Any) -> TaskRow:
    return TaskRow(
        task_id=delivery.delivery_id,
        run_id=run.run_id,
        deployment_id="deployment",
        step=delivery.step,
        delivery_seq=delivery.seq,
        attempt_id="attempt",
        number=1,
        topic="t",
        message=b'{"n":1}',
        parent_attempt_id=None,
        ordinal=0,
        assignee=more.pop("assignee", "managers"),
        queued_at_us=10,
        opened_at_us=20,
        expires_at_us=LATER_US,
        **more,
    )


def opening(delivery: DeliveryRow, task: TaskRow) -> Unit:
    waiting = replace(delivery, claimed=False, due_at_us=LATER_US)
    return Unit(retried=[(delivery.number, waiting)], tasks=[task])


async def opened(store: Store, **more: Any) -> tuple[RunRow, DeliveryRow, TaskRow]:
    run, delivery = await put(store)
    task = a_task(delivery, run, **more)
    await store.submit(opening(delivery, task))
    return run, delivery, task


def ending(
    run: RunRow, delivery: DeliveryRow, *, by: str = "Ada", at_us: int = 30, state: str = "answered"
) -> Unit:
    end = TaskEnd(delivery.delivery_id, state, at_us, "approve", b"{}", by, "link")
    return Unit(finished=[(delivery.seq, delivery.number)], task_ends=[end], ended_runs=[run.seq])


async def test_an_open_task_outlives_a_restart_and_its_run_waits(place: Opened):
    _, delivery, task = await opened(await place.open())

    store = await place.open()
    kept = await store.delivery(delivery.seq)

    assert await store.task(task.task_id) == task
    assert await store.tasks(TaskFilter()) == [task]
    assert kept is not None
    assert (kept[0].due_at_us, kept[0].number, kept[1].waits) == (LATER_US, 1, 1)


async def test_its_delivery_is_claimed_when_its_time_is_over_and_not_before(store: Store):
    _, delivery, _ = await opened(store)

    early = await store.claim("deployment", "b", due_at_us=LATER_US - 1, limit=10)
    late = await store.claim("deployment", "b", due_at_us=LATER_US, limit=10)

    assert early == []
    assert [(one.delivery_id, run.waits) for one, run in late] == [(delivery.delivery_id, 1)]


async def test_of_two_answers_one_wins_and_the_other_changes_nothing(store: Store):
    run, delivery, task = await opened(store)

    first = store.submit(ending(run, delivery, by="Ada"))
    second = store.submit(ending(run, delivery, by="Bea"))
    await first
    with pytest.raises(Fenced):
        await second

    ended = await store.task(task.task_id)
    assert ended is not None
    assert (ended.state, ended.answered_by, ended.answer, ended.form) == ("answered", "Ada", "approve", b"{}")  # fmt: skip
    assert await store.tasks(TaskFilter()) == []
    assert await store.delivery(delivery.seq) is None


async def test_a_task_that_cannot_open_is_not_there(store: Store):
    run, delivery = await put(store)
    task = a_task(delivery, run)

    with pytest.raises(Fenced):
        await store.submit(opening(replace(delivery, number=2), task))

    assert await store.task(task.task_id) is None


async def test_tasks_are_listed_newest_first_by_what_is_asked(store: Store):
    one = (await opened(store))[2]
    two = (await opened(store, assignee="Ada"))[2]
    run, delivery, three = await opened(store, assignee=None)
    await store.submit(ending(run, delivery))

    async def listed(**wanted: Any) -> list[str]:
        return [task.task_id for task in await store.tasks(TaskFilter(**wanted))]

    assert await listed() == [two.task_id, one.task_id]
    assert await listed(limit=1) == [two.task_id]
    assert await listed(before=two.task_id) == [one.task_id]
    assert await listed(state=None) == [three.task_id, two.task_id, one.task_id]
    assert await listed(state="answered") == [three.task_id]
    assert await listed(assignee="Ada") == [two.task_id]
    assert await listed(run_id=one.run_id) == [one.task_id]
    assert await listed(step="other") == []


async def test_a_link_leads_to_its_task_by_the_tokens_hash(store: Store):
    task = (await opened(store))[2]
    link = TaskLink("a" * 64, task.task_id, 40)
    await store.submit(Unit(task_links=[link]))

    assert await store.task_link("a" * 64) == link
    assert await store.task_link("b" * 64) is None


async def test_an_ended_task_leaves_when_it_is_old_and_others_end(store: Store):
    run, delivery, task = await opened(store)
    await store.submit(Unit(task_links=[TaskLink("a" * 64, task.task_id, 25)]))
    await store.submit(ending(run, delivery, at_us=30))
    run, delivery, newer = await opened(store)

    await store.submit(ending(run, delivery, at_us=31 + KEPT_US))

    assert await store.task(task.task_id) is None
    assert await store.task_link("a" * 64) is None
    assert await store.task(newer.task_id) is not None


async def test_a_task_opens_anew_under_its_id(store: Store):
    run, delivery, task = await opened(store)
    await store.submit(ending(run, delivery, state="timed-out"))
    run, again = await put(store)
    anew = replace(task, delivery_seq=again.seq, run_id=run.run_id, opened_at_us=50)

    await store.submit(opening(again, anew))

    assert await store.task(task.task_id) == anew
