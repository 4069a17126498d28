"""What must hold in every simulated world, each under its name. Neither crash nor full disk excuses from any.

`ALWAYS` is looked at after every act, `AT_REST` once nothing fails any more and nothing is left to do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from wistro.protocol.times import rfc3339

if TYPE_CHECKING:
    from tests.simulation.life import EngineLife

STAGES = ("taken", "noted", "finished")
REST_WITHIN_S = 600


def nothing_counts_twice(life: EngineLife) -> None:
    for stage in (*STAGES, "ticks"):
        for key, count in life.counts(stage).items():
            assert count == 1, f"{stage} {key} counted {count} times"


def acknowledged_is_durable(life: EngineLife) -> None:
    taken = life.counts("taken")
    for asked in life.asked:
        assert taken.get(asked.key) == 1 or not asked.acknowledged, f"{asked.key} is lost"


def one_key_has_one_answer(life: EngineLife) -> None:
    for asked in life.asked:
        bodies = {answer.body for answer in asked.acknowledged}
        assert len(bodies) <= 1 or not asked.sender, f"{asked.key} was given {bodies}"


def a_record_has_one_number(life: EngineLife) -> None:
    assert life.world.records.conflicts == []


def a_tick_starts_one_run(life: EngineLife) -> None:
    """By the rule in the store; that a run counts once would not show it."""
    for scheduled_at, runs in life.runs_of_tick.items():
        assert len(runs) == 1, f"{scheduled_at} fired {len(runs)} times"


def no_tick_fires_before_its_time(life: EngineLife) -> None:
    latest = rfc3339(life.world.clock.latest_us)
    for scheduled_at in life.counts("ticks"):
        assert scheduled_at <= latest, f"{scheduled_at} fired by {latest}"


def nothing_of_ours_raises(life: EngineLife) -> None:
    assert not life.world.errors, life.world.errors


def every_message_ends_once(life: EngineLife) -> None:
    """What a counted call emitted is handled or a dead letter, not both and not twice. A cancelled run drops some."""
    taken, noted, finished = (life.counts(stage) for stage in STAGES)
    dead = Counter(life.dead_ids())
    for asked in life.asked:
        is_cancelled = life.is_cancelled(asked)
        for child in asked.children:
            ended, due = noted.get(child, 0) + dead[child], taken.get(asked.key, 0)
            assert ended == due or (is_cancelled and ended < due), f"{child} ended {ended} times"
            assert not dead[child] or not life.cannot_fail(child), f"{child} is dead"
            is_finished = child in finished or is_cancelled
            assert child not in noted or is_finished, f"{child} was noted and not finished"
    assert finished.keys() <= noted.keys()


def no_tick_is_skipped(life: EngineLife) -> None:
    """A look at the schedules that ended well has fired all that was due in the minute before it."""
    missing = {rfc3339(at) for at in life.due_ticks} - life.counts("ticks").keys()
    cancelled = life.world.records.of_kind("run")
    cancelled = [one for one in cancelled if one["status"] == "cancelled"]
    of_cron = [one for one in cancelled if one["trigger"] == "cron"]
    assert len(missing) <= len(of_cron), f"skipped {missing}"


def each_attempt_that_counted_is_told_once(life: EngineLife) -> None:
    done = [one for one in life.world.records.of_kind("attempt") if one["outcome"] == "done"]
    counts = Counter(one["delivery_id"] for one in done if one.get("delivery_id"))
    assert [id for id, count in counts.items() if count > 1] == []
    for step, stage in (("b", "noted"), ("c", "finished")):
        told = {one["input"]["id"] for one in done if one["step"] == step}
        assert told == life.counts(stage).keys()


def each_run_ends_once_for_each_time_it_lived(life: EngineLife) -> None:
    for run_id, said in life.told_of_runs().items():
        ends = [one for one in said if one != "running"]
        assert said[-1] != "running", f"{run_id}: {said}"
        assert len(ends) <= 1 + life.redriven, f"{run_id}: {said}"


def what_has_ended_stays_ended(life: EngineLife) -> None:
    """After a run's end no attempt of it counts, until it is told to run again."""
    ended: set[str] = set()
    for one in life.world.records.in_order():
        if one["kind"] == "run":
            (ended.discard if one["status"] == "running" else ended.add)(one["run_id"])
        elif one["kind"] == "attempt" and one["outcome"] == "done":
            assert one["run_id"] not in ended, f"{one['step']} counted after its run's end"


def the_engine_counts_nothing_left(life: EngineLife) -> None:
    for one in life.world.boot.engine.status():
        left = (one.live_runs, one.backlog, one.in_flight)
        assert left == (0, 0, 0), f"{one.id}: {left}"


def nothing_is_left_in_the_store(life: EngineLife) -> None:
    assert life.rows("runs") == life.rows("deliveries") == 0


def it_comes_to_rest_soon(life: EngineLife) -> None:
    """What waits for an instant waits longer by as much as the clock was set back, and by no more."""
    most_s = REST_WITHIN_S + life.set_back_s
    assert life.world.rested_s <= most_s, f"it took {life.world.rested_s:g} s, not {most_s}"


Invariant = Callable[["EngineLife"], None]
ALWAYS: list[Invariant] = [
    nothing_counts_twice,
    acknowledged_is_durable,
    one_key_has_one_answer,
    a_record_has_one_number,
    a_tick_starts_one_run,
    no_tick_fires_before_its_time,
    nothing_of_ours_raises,
]
AT_REST: list[Invariant] = [
    every_message_ends_once,
    no_tick_is_skipped,
    each_attempt_that_counted_is_told_once,
    each_run_ends_once_for_each_time_it_lived,
    what_has_ended_stays_ended,
    the_engine_counts_nothing_left,
    nothing_is_left_in_the_store,
    it_comes_to_rest_soon,
]
