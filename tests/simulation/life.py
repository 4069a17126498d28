"""One engine's life under chosen failures: calls, queues, retries, dead letters, cron, stored answers and restarts at any
commit boundary. What must hold is in invariants.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

from tests.factories.engine import (
    NonRetriable,
    RetryAfter,
    StepContext,
    a_call,
    a_lock,
    a_step,
)
from tests.simulation import invariants
from tests.simulation.seeds import Act, act, acts_of
from tests.simulation.world import Boot, HostDied, SimulatedStore, World, at_once
from wistro.engine.cancelling import UnknownRun
from wistro.engine.dead_letters import UnknownDeadLetter
from wistro.engine.engine import UnknownDeployment
from wistro.engine.limits import Limits
from wistro.lock.model import CronTrigger, Retries
from wistro.protocol.ids import uuid7
from wistro.store.port import Fenced, StoreBroken, StoreFull
from wistro.triggers.port import EndpointAnswer
from wistro.wiring import Environment

DEPLOYMENTS = ("one", "two")
MINUTE_US = 60 * 1_000_000
SCHEDULE = CronTrigger("every-minute", "* * * * *", "UTC", emits="due")
# Small, so that queues spill into the store.
LIMITS = Limits(held_per_step=4, attempts_per_step=2, attempts=4)
FATES = ("ok", "ok", "ok", "slow", "throw", "never", "later", "die", "hang")
UNFAILING = {"ok"}  # a world whose time jumps may time out a slow one
LOCK = a_lock(
    {
        "a": a_step("api", name="a", method="POST", path="/a", emits=["t"], timeout="30s"),
        "b": a_step(
            name="b",
            subscribes=["t"],
            emits=["u"],
            retries=Retries(max=2, initial="1s", factor=2, jitter=False),
            timeout="5s",
        ),
        "c": a_step(name="c", subscribes=["u"]),
        "d": a_step(name="d", subscribes=["due"]),
    },
    cron=[SCHEDULE],
)


@dataclass
class Asked:
    """A call, as its caller knows it. A call that died with its engine has no answer."""

    key: str
    sender: str | None
    deployment: str
    children: list[str]
    run_ids: list[str] = field(default_factory=list)
    tasks: list[asyncio.Task[EndpointAnswer]] = field(default_factory=list)
    acknowledged: list[EndpointAnswer] = field(default_factory=list)

    def listen(self) -> None:
        answered = [one for one in self.tasks if one.done()]
        self.tasks = [one for one in self.tasks if not one.done()]
        answers = [one.result() for one in answered if not one.cancelled()]
        self.acknowledged += [one for one in answers if one.status < 300]


class EngineLife:
    acts: ClassVar[list[Act]]

    def __init__(
        self, start: random.Random, *, store_type: type[SimulatedStore] = SimulatedStore
    ) -> None:
        self.tries: Counter[str] = Counter()
        self.scripts: dict[str, list[str]] = {}
        self.asked: list[Asked] = []
        self.redriven = 0
        self.runs_of_tick: defaultdict[str, set[str]] = defaultdict(set)  # as their steps saw them
        self.due_ticks: set[int] = set()  # what some look at the schedules must have fired
        self.set_back_s = 0  # by how much the clock on the wall was set back in all
        self._first_cursor: int | None = None
        self._looks: list[tuple[int, Boot, asyncio.Task[Any]]] = []
        self._is_clock_set = False
        self._primary = DEPLOYMENTS[0]
        steps = {"a": self._take, "b": self._note, "c": self._finish, "d": self._tick}
        self.world = World(
            LOCK,
            steps,
            seed=start.getrandbits(32),
            limits=LIMITS,
            deployments=DEPLOYMENTS,
            store_type=store_type,
        )
        self.world.turn(3)

    # The steps: what becomes of each try is in the script of its key

    async def _take(self, request: Any, ctx: StepContext) -> Any:
        body = request.body
        ctx.write("increment", "taken", body["id"])
        for child in body["children"]:
            ctx.emit("t", {"id": child})
        await self._fare(body["id"])
        return {"status": 202, "body": {"id": ctx.call.context.run_id}}

    async def _note(self, message: Any, ctx: StepContext) -> None:
        ctx.write("increment", "noted", message["id"])
        ctx.emit("u", message)
        await self._fare(message["id"])

    async def _finish(self, message: Any, ctx: StepContext) -> None:
        ctx.write("increment", "finished", message["id"])

    async def _tick(self, message: Any, ctx: StepContext) -> None:
        self.runs_of_tick[message["scheduled_at"]].add(ctx.call.context.run_id)
        ctx.write("increment", "ticks", message["scheduled_at"])

    async def _fare(self, key: str) -> None:
        script = self.scripts[key]
        fate = script[min(self.tries[key], len(script) - 1)]
        self.tries[key] += 1
        if fate == "slow":
            await asyncio.sleep(1)
        elif fate == "hang":
            await asyncio.Event().wait()
        elif fate == "throw":
            raise ValueError(key)
        elif fate == "never":
            raise NonRetriable(key)
        elif fate == "later":
            raise RetryAfter(3)
        elif fate == "die":
            raise HostDied

    # Callers

    @act(weight=8)
    def call(self, draw: random.Random) -> str:
        key = f"call-{len(self.asked)}"
        children = [f"{key}.{n}" for n in range(draw.randrange(4))]
        for one in (key, *children):
            self.scripts[one] = draw.choices(FATES, k=draw.randint(1, 4))
        sender = key if draw.random() < 0.5 else None
        self.asked.append(Asked(key, sender, draw.choice(DEPLOYMENTS), children))
        self._send(self.asked[-1])
        return f"{key} to {self.asked[-1].deployment}: " + "; ".join(
            f"{one} {' '.join(self.scripts[one])}" for one in (key, *children)
        )

    @act(weight=3, when=lambda life: any(one.sender for one in life.asked))
    def call_again(self, draw: random.Random) -> str:
        """The caller sends a call again under its key, before or after the answer."""
        asked = draw.choice([one for one in self.asked if one.sender])
        self._send(asked)
        return asked.key

    def _send(self, asked: Asked) -> None:
        run_id = self._new_id()
        asked.run_ids.append(str(run_id))
        call = a_call(
            "/a",
            {"id": asked.key, "children": asked.children},
            sender_id=asked.sender,
            run_id=run_id,
            deployment_id=asked.deployment,
        )
        asked.tasks.append(self._boot.run(self._boot.engine.call(call)))

    def _new_id(self) -> UUID:
        world = self.world
        return uuid7(now_ms=world.clock.now_us() // 1_000, random=world.chance.randbytes(10))

    # Time and the disk

    @act(weight=10)
    def go_on(self, draw: random.Random) -> None:
        self.world.turn(draw.randint(1, 30))

    @act(weight=6)
    def pass_time(self, draw: random.Random) -> str:
        ms = draw.choice((1, 300, 1_000, 2_000, 5_000, 31_000, 59_000, 61_000, 200_000))
        self.world.clock.move(ms * 1_000)
        self.world.turn(2)
        return f"{ms} ms"

    @act()
    def set_clock(self, draw: random.Random) -> str:
        """Somebody sets the clock on the wall; time itself goes on."""
        by_s = draw.choice((-7200, -3600, -61, -1, 1, 61, 3600, 7200))
        self.world.clock.set(by_s * 1_000_000)
        self.set_back_s += max(0, -by_s)
        self._is_clock_set = True
        self.world.turn(2)
        return f"{by_s:+} s"

    @act(weight=14, when=lambda life: life.world.boot.store.wants_commit)
    def commit(self, draw: random.Random) -> None:
        self._boot.store.commit()
        self.world.turn(draw.randrange(20))

    @act(weight=2, when=lambda life: life.world.boot.store.wants_commit)
    def fill_disk(self, draw: random.Random) -> None:
        self._boot.store.fail_full()

    @act(when=lambda life: life.world.boot.store.wants_commit)
    def break_disk(self, draw: random.Random) -> None:
        self._boot.store.fail_broken()
        self.world.bury()

    @act(weight=2)
    def crash(self, draw: random.Random) -> str:
        after_commit = draw.random() < 0.5
        self.world.crash(after_commit=after_commit)
        self.world.turn(3)
        return "after the commit" if after_commit else "before the commit"

    @act(when=lambda life: life.world.boot.may_be_a_zombie)
    def take_over(self, draw: random.Random) -> None:
        self.world.take_over()
        self.world.turn(3)

    @act()
    def ship(self, draw: random.Random) -> None:
        self.world.records.ship()

    # Cron

    @act(weight=3)
    def look_at_schedules(self, draw: random.Random) -> None:
        """The clockwork looks at its schedules, as it does one look after the other."""
        for boot in [self.world.boot, self.world.zombie]:
            if boot is None or not boot.starting.done():
                continue
            if all(one.done() for _, by, one in self._looks if by is boot):
                boot.engine.set_primary(self._primary)
                cron = Environment(boot.engine, self.world.clock).cron
                look = boot.run(_tolerated(cron.fire_due))
                self._looks.append((self.world.clock.now_us(), boot, look))
        self.world.turn()

    @act()
    def change_primary(self, draw: random.Random) -> str:
        self._primary = draw.choice(DEPLOYMENTS)
        return self._primary

    def _note_looks(self) -> None:
        """A look that ended well says when the next tick is, and has fired all that was due in the minute before it.
        One under a clock that was set may rightly pass some over."""
        if self._first_cursor is None:
            self._first_cursor = at_once(self._boot.store.cursor(SCHEDULE.id))
        under_way = [one for one in self._looks if not one[2].done()]
        for at, _, look in self._looks:
            if look.done() and not look.cancelled() and look.result() and self._first_cursor:
                after = max(self._first_cursor, at - MINUTE_US)
                first = (after // MINUTE_US + 1) * MINUTE_US
                if not self._is_clock_set:
                    self.due_ticks |= set(range(first, at + 1, MINUTE_US))
        self._looks = under_way

    # Operators

    @act(weight=3, when=lambda life: at_once(life.world.boot.store.dead_letters(limit=1)))
    def redrive(self, draw: random.Random) -> str:
        dead = draw.choice(at_once(self._boot.store.dead_letters()))
        deployment = draw.choice((None, *DEPLOYMENTS))
        self.redriven += 1
        engine = self._boot.engine
        self._boot.run(_tolerated(engine.redrive, dead.delivery_id, deployment_id=deployment))
        return f"{_id(dead.message)} in {deployment or 'its own'}"

    @act(weight=2, when=lambda life: at_once(life.world.boot.store.runs()))
    def cancel(self, draw: random.Random) -> str:
        run = draw.choice(at_once(self._boot.store.runs()))
        self._boot.run(_tolerated(self._boot.engine.cancel, run.run_id))
        return run.run_id

    @act()
    def load_again(self, draw: random.Random) -> str:
        """A new lock for a deployment that runs, or one that was dropped."""
        id, boot = draw.choice(DEPLOYMENTS), self._boot
        if boot.starting.done():
            boot.run(_tolerated(boot.load, id))
        return id

    @act()
    def drop(self, draw: random.Random) -> str:
        id = draw.choice(DEPLOYMENTS)
        self._boot.run(_tolerated(self._boot.engine.drop, id, grace_s=1))
        return id

    # What is known of it

    @property
    def _boot(self) -> Boot:
        return self.world.boot

    def hold(self) -> None:
        self._note_looks()
        for asked in self.asked:
            asked.listen()
        for holds in invariants.ALWAYS:
            holds(self)

    def come_to_rest(self) -> None:
        self.world.settle()
        self.look_at_schedules(self.world.chance)
        self.world.settle()
        self.hold()
        for holds in invariants.AT_REST:
            holds(self)

    def close(self) -> None:
        self.world.close()

    def counts(self, stage: str) -> dict[str, int]:
        return {key: count for key, count in self._boot.store.list(stage)}

    def rows(self, table: str) -> int:
        return self._boot.store.count(table)

    def dead_ids(self) -> list[str]:
        return [_id(one.message) for one in at_once(self._boot.store.dead_letters(limit=10_000))]

    def cannot_fail(self, key: str) -> bool:
        return set(self.scripts[key]) <= UNFAILING

    def told_of_runs(self) -> dict[str, list[str]]:
        statuses: dict[str, list[str]] = {}
        for one in self.world.records.of_kind("run"):
            statuses.setdefault(one["run_id"], []).append(one["status"])
        return statuses

    def is_cancelled(self, asked: Asked) -> bool:
        told = self.told_of_runs()
        return any("cancelled" in told.get(run_id, ()) for run_id in asked.run_ids)


EngineLife.acts = acts_of(EngineLife)


async def _tolerated(work: Callable[..., Awaitable[Any]], *of: Any, **more: Any) -> Any:
    """What comes too late, or to a full disk, is told so; here nobody listens. None, or what came of it."""
    with contextlib.suppress(
        UnknownDeadLetter, UnknownRun, UnknownDeployment, Fenced, StoreFull, StoreBroken
    ):
        return await work(*of, **more)


def _id(message: bytes) -> str:
    return json.loads(message).get("id", "a tick")
