"""A No-Op step that waits: its task opens, is answered once, times out, and ends with its run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.factories.engine import Running, Step, StepContext, a_call, a_lock, a_step, an_engine
from wistro.engine import deliveries
from wistro.engine.answers import Unavailable
from wistro.engine.limits import Limits
from wistro.engine.task_errors import TaskEnded, UnfitForm, UnknownAnswer, UnknownTask
from wistro.lock.model import ApiTrigger, Lock, Reference, Task, TaskAnswer
from wistro.protocol.ids import read as read_id
from wistro.protocol.operating import TaskView
from wistro.store.port import StoreAway
from wistro.store.tasks import TaskFilter

DAY_US = 24 * 3600 * 1_000_000
APPROVAL = {
    "type": "object",
    "required": ["cents"],
    "properties": {"cents": {"type": "integer"}},
}
REASON = {
    "type": "object",
    "required": ["reason"],
    "properties": {"reason": {"type": "string", "default": "nobody answered"}},
}
Start = Callable[..., Awaitable[Running]]


class Clock:
    def __init__(self) -> None:
        self.us = 1_800_000_000_000_000

    def now_us(self) -> int:
        self.us += 1
        return self.us


async def keep(message: Any, ctx: StepContext) -> None:
    ctx.write("append", "seen", ctx.call.step, message)


def lock(task: Task | None = None, **more: Any) -> Lock:
    answers = {"approve": TaskAnswer("approved"), "reject": TaskAnswer("rejected")}
    task = task or Task(answers=answers, assignee="managers", timeout="3d", on_timeout="reject")
    topics = sorted({one.emits for one in task.answers.values()} | {"late"})
    steps = {
        "ask": a_step(
            "noop", name="Manager approves", subscribes=["asked"], emits=topics, task=task
        ),
        "approved": a_step(subscribes=["approved"]),
        "rejected": a_step(subscribes=["rejected"]),
        "late": a_step(subscribes=["late"], **more),
        "beside": a_step(subscribes=["beside"]),
    }
    steps["ask"].forms = {
        "approve": Reference("#/schemas/approval"),
        "reject": Reference("#/schemas/reason"),
    }
    return a_lock(
        steps,
        api=[ApiTrigger("POST", "/ask", "api:POST /ask", emits="asked")],
        schemas={
            "approval": APPROVAL,
            "reason": REASON,
            "strict": {"type": "object", "required": ["x"]},
        },
    )


STEPS: dict[str, Step] = dict.fromkeys(("approved", "rejected", "late", "beside"), keep)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def start(tmp_path: Path, clock: Clock) -> AsyncIterator[Start]:
    started: list[Running] = []

    async def one(given: Lock | None = None) -> Running:
        for before in started:
            await before.engine.close()
        running = await an_engine(tmp_path, given or lock(), STEPS, clock=clock)
        started.append(running)
        return running

    yield one
    for running in started:
        await running.engine.close()


async def asked(running: Running, message: Any = None) -> TaskView:
    """A task that is open, and its run told of as waiting."""
    answer = await running.engine.call(a_call("/ask", message or {"order": 7}))
    assert answer.status == 202
    async with asyncio.timeout(10):
        while not [one for one in running.sink.of_kind("run") if one["status"] == "waiting"]:
            await running.sink.seen("run", count=len(running.sink.of_kind("run")) + 1)
    return (await running.engine.tasks(TaskFilter()))[0]


async def answer(running: Running, task: TaskView, name: str, form: Any, **more: Any) -> TaskView:
    return await running.engine.answer_task(str(read_id("task", task.id)), name, form, **more)


async def heard(running: Running, step: str) -> list[Any]:
    await running.quiet()
    return running.store.get("seen", step) or []


def statuses(running: Running) -> list[str]:
    return [one["status"] for one in running.sink.of_kind("run")]


async def test_a_message_opens_a_task_and_its_run_waits(start: Start):
    running = await start()

    task = await asked(running)

    assert (task.name, task.assignee, task.state) == ("Manager approves", "managers", "open")
    assert task.message == {"order": 7}
    assert {name: one.emits for name, one in task.answers.items()} == {
        "approve": "approved",
        "reject": "rejected",
    }
    assert task.answers["approve"].form == APPROVAL
    assert statuses(running) == ["running", "waiting"]
    assert running.engine.status()[0].live_runs == 1
    (attempt,) = running.sink.of_kind("attempt")
    assert (attempt["step"], attempt["outcome"], attempt["input"]) == (
        "ask",
        "waiting",
        {"order": 7},
    )
    assert running.hosts.calls == []


async def test_a_message_that_comes_while_the_store_is_away_opens_its_task_later(
    start: Start, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(deliveries, "FULL_AGAIN_S", 0.01)
    running = await start()
    real, fails = running.store.task, [StoreAway("away")]

    async def task(task_id: str) -> Any:
        if fails:
            raise fails.pop()
        return await real(task_id)

    monkeypatch.setattr(running.store, "task", task)

    opened = await asked(running)

    assert fails == []
    await answer(running, opened, "approve", {"cents": 1})
    assert await heard(running, "approved") == [{"cents": 1}]


async def test_an_answer_emits_its_form_and_tells_who_gave_it(start: Start):
    running = await start()
    task = await asked(running)

    ended = await answer(running, task, "approve", {"cents": 5}, by="Ada", how="cli")

    assert await heard(running, "approved") == [{"cents": 5}]
    assert ended.state == "answered"
    assert ended.ended is not None
    assert (ended.ended.answer, ended.ended.by, ended.ended.how) == ("approve", "Ada", "cli")
    assert statuses(running) == ["running", "waiting", "running", "done"]
    waiting, done = [one for one in running.sink.of_kind("attempt") if one["step"] == "ask"]
    assert waiting["attempt_id"] == done["attempt_id"]
    assert done["answer"] == {"answer": "approve", "by": "Ada", "how": "cli"}
    assert done["emits"] == [{"ordinal": 0, "topic": "approved", "data": {"cents": 5}}]
    (heard_it,) = [one for one in running.sink.of_kind("attempt") if one["step"] == "approved"]
    assert heard_it["parent_attempt_id"] == done["attempt_id"]


@pytest.mark.parametrize(
    ("name", "form", "error", "fields"),
    [
        ("approve", {"cents": "5"}, UnfitForm, ["/cents"]),
        ("approve", {}, UnfitForm, ["/cents"]),
        ("approve", {"cents": 2**60}, UnfitForm, ["/cents"]),
        ("approve", None, UnfitForm, [""]),
        ("maybe", {}, UnknownAnswer, []),
    ],
)
async def test_an_answer_that_does_not_fit_leaves_the_task_open(
    start: Start, name: str, form: Any, error: type[Exception], fields: list[str]
):
    running = await start()
    task = await asked(running)

    with pytest.raises(error) as raised:
        await answer(running, task, name, form)

    assert sorted(getattr(raised.value, "fields", None) or {}) == fields
    assert (await running.engine.tasks(TaskFilter()))[0].state == "open"


async def test_of_answers_at_once_one_wins_and_the_others_are_told_who(start: Start):
    running = await start()
    task = await asked(running)

    tried = await asyncio.gather(
        *(answer(running, task, "approve", {"cents": n}, by=f"n{n}") for n in range(8)),
        return_exceptions=True,
    )

    (won,) = [one for one in tried if isinstance(one, TaskView)]
    lost = [one for one in tried if isinstance(one, TaskEnded)]
    assert won.ended is not None
    assert len(lost) == 7
    assert {(one.fields or {})["by"] for one in lost} == {won.ended.by}
    assert {one.status for one in lost} == {409}
    assert await heard(running, "approved") == [won.ended.form]


async def test_a_task_waits_over_a_restart(start: Start):
    task = await asked(await start())

    running = await start()
    await answer(running, task, "approve", {"cents": 1})

    assert await heard(running, "approved") == [{"cents": 1}]


async def test_when_its_time_is_over_it_is_answered_by_its_forms_defaults(
    start: Start, clock: Clock
):
    task = await asked(await start())
    clock.us += 3 * DAY_US

    running = await start()

    assert await heard(running, "rejected") == [{"reason": "nobody answered"}]
    late = await running.engine.task(str(read_id("task", task.id)))
    assert late.state == "timed-out"
    assert late.ended is not None
    assert (late.ended.answer, late.ended.by, late.ended.how) == ("reject", None, "timeout")
    with pytest.raises(TaskEnded, match="time was over"):
        await answer(running, task, "approve", {"cents": 1})


async def test_before_its_time_is_over_nothing_happens(start: Start, clock: Clock):
    await asked(await start())
    clock.us += 3 * DAY_US - 1_000_000

    running = await start()

    assert [one.state for one in await running.engine.tasks(TaskFilter())] == ["open"]


LATE = Task(answers={"approve": TaskAnswer("approved")}, timeout="1h", on_timeout="late")


async def test_a_timeout_may_pass_the_message_on_to_a_topic(start: Start, clock: Clock):
    await asked(await start(lock(LATE)), {"order": 9})
    clock.us += DAY_US

    running = await start(lock(LATE))

    assert await heard(running, "late") == [{"order": 9}]


async def test_what_a_timeout_cannot_emit_is_a_dead_letter_and_waits_anew_when_redriven(
    start: Start, clock: Clock
):
    strict = lock(LATE, input="strict")
    await asked(await start(strict), {"order": 9})
    clock.us += DAY_US
    running = await start(strict)
    await running.quiet()
    (dead,) = await running.store.dead_letters()
    assert b"does not fit at /x" in dead.error
    assert statuses(running) == ["dead"]

    await running.engine.redrive(dead.delivery_id)
    await running.sink.seen("attempt", count=2)

    (task,) = await running.engine.tasks(TaskFilter())
    await answer(running, task, "approve", {"cents": 1})
    assert await heard(running, "approved") == [{"cents": 1}]


async def test_a_cancelled_run_takes_its_task_with_it(start: Start):
    running = await start()
    task = await asked(running)

    await running.engine.cancel(str(read_id("run", task.run)))

    await running.quiet()
    assert (await running.engine.task(str(read_id("task", task.id)))).state == "cancelled"
    assert [one["outcome"] for one in running.sink.of_kind("attempt")] == ["waiting", "cancelled"]
    with pytest.raises(TaskEnded, match="cancelled"):
        await answer(running, task, "approve", {"cents": 1})


async def test_a_cancelled_run_takes_all_of_its_tasks_with_it(tmp_path: Path):
    async def ask(message: Any, ctx: StepContext) -> None:
        for number in range(1_100):
            ctx.emit("asked", {"number": number})

    given = lock()
    given.steps["beside"] = a_step(subscribes=["beside"], emits=["asked"])
    limits = Limits(emits=2_000)
    running = await an_engine(tmp_path, given, STEPS | {"beside": ask}, limits=limits)
    try:
        run_id = await running.engine.emit("beside", {})
        async with asyncio.timeout(30):
            while statuses(running)[-1] != "waiting":
                await running.sink.seen("run", count=len(statuses(running)) + 1)

        await running.engine.cancel(run_id)

        await running.quiet()
        assert await running.engine.tasks(TaskFilter()) == []
        cancelled = await running.engine.tasks(TaskFilter(state="cancelled", limit=2_000))
        assert len(cancelled) == 1_100
    finally:
        await running.engine.close()


async def test_a_link_leads_to_its_task_and_no_other_token_does(start: Start):
    running = await start()
    task = await asked(running)
    path = await running.engine.task_link(str(read_id("task", task.id)))
    token = path.removeprefix("/_wistro/tasks/")

    found = await running.engine.task_behind(token)
    ended = await running.engine.answer_behind(token, "approve", {"cents": 3}, by="Bea")

    assert found.id == task.id
    assert len(token) == 43
    assert ended.ended is not None
    assert (ended.ended.by, ended.ended.how) == ("Bea", "link")
    for wrong in ("", token[:-1], token + "x", "\ud800"):
        with pytest.raises(UnknownTask):
            await running.engine.task_behind(wrong)


async def test_a_link_says_to_come_again_while_the_store_is_away(
    start: Start, monkeypatch: pytest.MonkeyPatch
):
    running = await start()

    async def away(token_sha256: str) -> Any:
        raise StoreAway("away")

    monkeypatch.setattr(running.store, "task_link", away)

    with pytest.raises(Unavailable):
        await running.engine.task_behind("token")


async def test_an_unknown_task_is_not_there(start: Start):
    running = await start()

    with pytest.raises(UnknownTask):
        await running.engine.task("0192e4a0-0000-7000-8000-00000000000e")


async def test_an_answer_goes_on_when_who_gave_it_leaves(start: Start):
    running = await start()
    task = await asked(running)

    answering = asyncio.create_task(answer(running, task, "approve", {"cents": 4}))
    await asyncio.sleep(0)
    answering.cancel()

    assert await heard(running, "approved") == [{"cents": 4}]
    assert running.engine.status()[0].backlog == 0


async def test_a_draining_deployment_keeps_its_tasks_until_they_are_answered(start: Start):
    running = await start()
    task = await asked(running)
    running.engine.drain("dep")

    assert running.engine.status()[0].live_runs == 1
    await answer(running, task, "approve", {"cents": 1})

    assert await heard(running, "approved") == [{"cents": 1}]
