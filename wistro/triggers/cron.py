"""Schedules: when a cron expression is due in its time zone, and the clockwork that tells the engine.

A local time that daylight saving skips fires at the jump, a repeated one fires once; schedules whose hour is `*` go on
by elapsed time, as in Debian's cron. A tick that is more than a minute late was missed: `catchUp` says whether none of
those fires (skip), the last one, or all, within bounds. Where a schedule has got to is in the store, so a restart or another primary version neither skips nor repeats.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from wistro.errors import UserError
from wistro.lock.model import CronTrigger
from wistro.protocol.times import microseconds
from wistro.triggers.port import Engine

log = logging.getLogger("wistro.cron")

LATE_US = 60 * 1_000_000
MOST_CAUGHT_UP = 100  # by `catchUp: all`: the last ones
OLDEST_CAUGHT_UP_US = 7 * 24 * 3600 * 1_000_000  # for so long a store knows what has fired
FIRST_WINDOW_US = 3600 * 1_000_000
AHEAD_US = 3600 * 1_000_000  # a clock that is set back by less is waited for
LONGEST_SLEEP_S = 20.0  # a wall clock may be set meanwhile
AGAIN_AFTER_S = 1.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BadSchedule(UserError):
    """No cron expression of five fields, or no time zone of that name."""

    code = "lock.cron"
    hint = (
        "Write minute, hour, day, month, weekday as in `0 2 * * *`, and a zone as in Europe/Berlin."
    )


class Cursors(Protocol):
    """How far each schedule has got."""

    async def cursor(self, schedule_id: str) -> int | None: ...

    async def settle(self, schedule_id: str, until_us: int) -> None: ...


def next_tick(schedule: str, timezone: str, *, after_us: int) -> int | None:
    """The first instant after `after_us` at which it is due; None when there is none in 50 years. BadSchedule."""
    try:
        zone = ZoneInfo(timezone)
        after = (_EPOCH + timedelta(microseconds=after_us)).astimezone(zone)
        follows_the_clock = schedule.split()[1:2] != ["*"]
        ticks = CronSim(schedule, after.replace(tzinfo=UTC) if follows_the_clock else after)
    except (CronSimError, ZoneInfoNotFoundError, ValueError) as error:
        raise BadSchedule(f"`{schedule}` in `{timezone}` is no schedule: {error}") from error
    for tick in ticks:
        at = _instant(tick.replace(tzinfo=None), zone) if follows_the_clock else tick
        if (at_us := microseconds(at.astimezone(UTC))) > after_us:
            return at_us
    return None


def _instant(local: datetime, zone: ZoneInfo) -> datetime:
    """When a clock on the wall shows `local`: the first time where it does twice, the jump where it never does."""
    first = local.replace(tzinfo=zone).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == local:
        return first
    # PEP 495: in a gap, fold 0 counts by the offset before the jump and fold 1 by the one after it.
    before, after = local.replace(tzinfo=zone, fold=1).astimezone(UTC), first
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def missed(schedule: CronTrigger, *, after_us: int, now_us: int) -> list[int]:
    """The ticks up to now that its `catchUp` still fires, oldest first: none, the last one, or the last of all."""
    most = {"one": 1, "all": MOST_CAUGHT_UP}.get(schedule.catch_up, 0)
    oldest_us = max(after_us, now_us - OLDEST_CAUGHT_UP_US)
    from_us, found = now_us, []
    # Looked for from the end, in windows that double: a minutely schedule has ten thousand ticks a week.
    window_us = FIRST_WINDOW_US
    while most and len(found) < most and from_us > oldest_us:
        from_us = max(oldest_us, now_us - window_us)
        found = _between(schedule, from_us, now_us)
        window_us *= 2
    return found[-most:] if most else []


def _between(schedule: CronTrigger, after_us: int, until_us: int) -> list[int]:
    found: list[int] = []
    at_us = next_tick(schedule.schedule, schedule.timezone, after_us=after_us)
    while at_us is not None and at_us <= until_us:
        found.append(at_us)
        at_us = next_tick(schedule.schedule, schedule.timezone, after_us=at_us)
    return found


class Cron:
    """Fires what is due among `schedules()`, those of the primary deployment."""

    def __init__(
        self,
        engine: Engine,
        *,
        schedules: Callable[[], list[CronTrigger]],
        cursors: Cursors,
        now_us: Callable[[], int],
    ) -> None:
        self._engine = engine
        self._schedules = schedules
        self._cursors = cursors
        self._now_us = now_us
        self._changed = asyncio.Event()
        # Schedules whose cursor a clock that was far ahead has moved: from where they go on instead of waiting for
        # that day. What fired under that clock does not fire again, its tick's row is there.
        self._set_back: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    def changed(self) -> None:
        """Another deployment is primary, or its schedules are others: look again."""
        self._changed.set()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def fire_due(self) -> int | None:
        """Fire what is due now; returns when the next tick is, if there is one."""
        upcoming: list[int] = []
        for schedule in self._schedules():
            try:
                at_us = await self._fire(schedule)
            except (
                UserError
            ) as error:  # a zone that this machine does not know keeps no other waiting
                log.error("the schedule %s does not fire: %s", schedule.id, error.message)
                continue
            if at_us is not None:
                upcoming.append(at_us)
        return min(upcoming, default=None)

    async def _fire(self, schedule: CronTrigger) -> int | None:
        now_us = self._now_us()
        settled_us = await self._cursors.cursor(schedule.id)
        if settled_us is None:
            settled_us = now_us
            await self._cursors.settle(schedule.id, now_us)
        elif settled_us > now_us + AHEAD_US:
            settled_us = self._set_back.setdefault(schedule.id, now_us)
        if settled_us < now_us - LATE_US:
            for at_us in missed(schedule, after_us=settled_us, now_us=now_us):
                await self._engine.tick(schedule.id, scheduled_at_us=at_us)
                settled_us = at_us
            settled_us = max(settled_us, now_us - LATE_US)
        while True:
            at_us = next_tick(schedule.schedule, schedule.timezone, after_us=settled_us)
            if at_us is None or at_us > now_us:
                return at_us
            await self._engine.tick(schedule.id, scheduled_at_us=at_us)
            settled_us = at_us
            if schedule.id in self._set_back:
                self._set_back[schedule.id] = at_us

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            wait_s = LONGEST_SLEEP_S
            try:
                upcoming_us = await self.fire_due()
            except Exception:
                log.exception("cron could not fire; trying again")
                wait_s = AGAIN_AFTER_S
            else:
                if upcoming_us is not None:
                    wait_s = min(wait_s, max(0.0, (upcoming_us - self._now_us()) / 1e6))
            try:
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
            except TimeoutError:
                pass
