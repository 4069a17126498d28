"""Schedules in their time zones, and the clockwork that fires them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from wistro.lock.model import CronTrigger
from wistro.protocol.times import microseconds, rfc3339
from wistro.triggers.cron import BadSchedule, Cron, next_tick
from wistro.triggers.port import EndpointAnswer, EndpointCall

MINUTE_US = 60 * 1_000_000


def at_us(text: str) -> int:
    return microseconds(datetime.fromisoformat(text).replace(tzinfo=UTC))


def ticks(schedule: str, zone: str, after: str, count: int) -> list[str]:
    found, last = [], at_us(after)
    for _ in range(count):
        tick = next_tick(schedule, zone, after_us=last)
        assert tick is not None
        found.append(rfc3339(tick)[:16])
        last = tick
    return found


def test_a_schedule_is_read_in_its_time_zone() -> None:
    assert ticks("0 2 * * *", "Europe/Berlin", "2026-01-10T12:00", 1) == ["2026-01-11T01:00"]
    assert ticks("0 2 * * *", "America/New_York", "2026-01-10T12:00", 1) == ["2026-01-11T07:00"]


@pytest.mark.parametrize("schedule", ["30 2 * * *", "*/20 2 * * *", "15,45 2 29 * *"])
def test_a_local_time_that_dst_skips_fires_once_at_the_jump(schedule: str) -> None:
    assert ticks(schedule, "Europe/Berlin", "2026-03-28T12:00", 1) == ["2026-03-29T01:00"]
    [_, second] = ticks(schedule, "Europe/Berlin", "2026-03-28T12:00", 2)
    assert second > "2026-03-29T12:00"


def test_a_repeated_local_time_fires_once_the_first_time() -> None:
    assert ticks("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", 2) == [
        "2026-10-25T00:30",
        "2026-10-26T01:30",
    ]
    assert ticks("*/30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", 3) == [
        "2026-10-25T00:00",
        "2026-10-25T00:30",
        "2026-10-26T01:00",
    ]


def test_an_hourly_schedule_goes_on_by_elapsed_time_over_both_changes() -> None:
    assert ticks("0 * * * *", "Europe/Berlin", "2026-10-25T00:30", 3) == [
        "2026-10-25T01:00",
        "2026-10-25T02:00",
        "2026-10-25T03:00",
    ]
    assert ticks("0 * * * *", "Europe/Berlin", "2026-03-29T00:30", 2) == [
        "2026-03-29T01:00",
        "2026-03-29T02:00",
    ]


@pytest.mark.parametrize(
    ("schedule", "zone"),
    [("61 * * * *", "UTC"), ("nonsense", "UTC"), ("* * * * *", "Mars/Base"), ("", "UTC")],
)
def test_what_is_no_schedule_is_refused_by_name(schedule: str, zone: str) -> None:
    with pytest.raises(BadSchedule, match="is no schedule"):
        next_tick(schedule, zone, after_us=0)


class Fired:
    """An engine that notes its ticks, and the cursors in memory."""

    def __init__(self) -> None:
        self.ticks: list[tuple[str, str]] = []
        self.cursors: dict[str, int] = {}
        self.now_us = at_us("2026-05-01T10:00:30")

    async def call(self, call: EndpointCall) -> EndpointAnswer:
        raise NotImplementedError

    async def tick(self, schedule_id: str, *, scheduled_at_us: int) -> bool:
        self.ticks.append((schedule_id, rfc3339(scheduled_at_us)[11:16]))
        self.cursors[schedule_id] = max(scheduled_at_us, self.cursors.get(schedule_id, 0))
        return True

    async def cursor(self, schedule_id: str) -> int | None:
        return self.cursors.get(schedule_id)

    async def settle(self, schedule_id: str, until_us: int) -> None:
        self.cursors[schedule_id] = until_us

    def cron(self, *schedules: CronTrigger) -> Cron:
        return Cron(
            self, schedules=lambda: list(schedules), cursors=self, now_us=lambda: self.now_us
        )


async def test_a_schedule_seen_for_the_first_time_waits_for_its_next_tick() -> None:
    fired = Fired()
    cron = fired.cron(CronTrigger("minutely", "* * * * *"))

    upcoming = await cron.fire_due()

    assert fired.ticks == []
    assert upcoming == at_us("2026-05-01T10:01")


async def test_a_due_tick_fires_under_its_scheduled_time_and_only_once() -> None:
    fired = Fired()
    cron = fired.cron(CronTrigger("minutely", "* * * * *"), CronTrigger("daily", "0 12 * * *"))
    await cron.fire_due()

    fired.now_us += MINUTE_US
    await cron.fire_due()
    await cron.fire_due()

    assert fired.ticks == [("minutely", "10:01")]


async def test_a_restart_within_a_minute_misses_no_tick_and_older_ones_are_skipped() -> None:
    fired = Fired()
    schedule = CronTrigger("minutely", "* * * * *")
    await fired.cron(schedule).fire_due()

    fired.now_us += 40 * 1_000_000  # 10:01:10: down over one tick
    await fired.cron(schedule).fire_due()
    fired.now_us += 60 * MINUTE_US  # down for an hour
    await fired.cron(schedule).fire_due()

    assert fired.ticks == [("minutely", "10:01"), ("minutely", "11:01")]


async def test_a_clock_set_back_fires_nothing_twice() -> None:
    fired = Fired()
    cron = fired.cron(CronTrigger("minutely", "* * * * *"))
    await cron.fire_due()
    fired.now_us += MINUTE_US
    await cron.fire_due()

    fired.now_us -= 2 * MINUTE_US
    await cron.fire_due()
    fired.now_us += 2 * MINUTE_US
    await cron.fire_due()

    assert fired.ticks == [("minutely", "10:01")]


async def test_a_clock_that_was_years_ahead_silences_no_schedule() -> None:
    fired = Fired()
    fired.cursors["minutely"] = at_us("2099-01-01T00:00")
    cron = fired.cron(CronTrigger("minutely", "* * * * *"))

    upcoming = [await cron.fire_due()]
    fired.now_us += MINUTE_US
    upcoming += [await cron.fire_due(), await cron.fire_due()]

    assert fired.ticks == [("minutely", "10:01")]
    assert upcoming == [at_us("2026-05-01T10:01"), *[at_us("2026-05-01T10:02")] * 2]


async def test_a_zone_that_this_machine_does_not_know_keeps_no_other_schedule_waiting() -> None:
    fired = Fired()
    cron = fired.cron(
        CronTrigger("lost", "* * * * *", "Mars/Base"), CronTrigger("minutely", "* * * * *")
    )
    await cron.fire_due()

    fired.now_us += MINUTE_US
    await cron.fire_due()

    assert fired.ticks == [("minutely", "10:01")]


MISSED = {
    "skip": ["10:00"],
    "one": ["10:00"],
    "all": ["06:00", "07:00", "08:00", "09:00", "10:00"],
}


@pytest.mark.parametrize("catch_up", MISSED)
async def test_missed_ticks_are_caught_up_on_as_the_schedule_says(catch_up: str) -> None:
    fired = Fired()
    fired.cursors["hourly"] = at_us("2026-05-01T05:10")
    cron = fired.cron(CronTrigger("hourly", "0 * * * *", catch_up=catch_up))

    await cron.fire_due()
    await cron.fire_due()

    assert [at for _, at in fired.ticks] == MISSED[catch_up]


async def test_one_fires_the_last_that_was_missed_when_none_is_due_now() -> None:
    fired = Fired()
    fired.cursors["daily"] = at_us("2026-04-26T12:00")
    cron = fired.cron(CronTrigger("daily", "0 2 * * *", catch_up="one"))

    upcoming = await cron.fire_due()

    assert fired.ticks == [("daily", "02:00")]
    assert fired.cursors["daily"] == at_us("2026-05-01T02:00")
    assert upcoming == at_us("2026-05-02T02:00")


async def test_catching_up_has_bounds() -> None:
    fired = Fired()
    fired.cursors |= {"minutely": at_us("2026-03-01T00:00"), "weekly": at_us("2026-03-01T00:00")}
    cron = fired.cron(
        CronTrigger("minutely", "* * * * *", catch_up="all"),
        CronTrigger("weekly", "0 0 * * 3", catch_up="all"),
    )

    await cron.fire_due()

    minutely = [at for id, at in fired.ticks if id == "minutely"]
    assert (len(minutely), minutely[0], minutely[-1]) == (100, "08:21", "10:00")
    assert [id for id, _ in fired.ticks].count("weekly") == 1
