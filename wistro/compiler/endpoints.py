"""Triggers of the lock: endpoints, schedules and outside topics, of steps and of wistro.yml; no two at one path."""

from __future__ import annotations

import re

from wistro.compiler import problems
from wistro.compiler.config import Candidate
from wistro.compiler.settings import Settings
from wistro.errors import UserError
from wistro.lock.model import ApiTrigger, CronTrigger, OutsideTrigger, Triggers

_PARAMETER = re.compile(r":[^/]+")


def gather(candidates: list[Candidate], settings: Settings) -> Triggers:
    api: list[ApiTrigger] = []
    cron: list[CronTrigger] = []
    for one in candidates:
        config = one.config
        if config.type == "api" and config.path and config.method:
            api.append(
                ApiTrigger(config.method, config.path, one.step.id, config.auth, flows=config.flows)
            )
        if config.type == "cron" and config.cron:
            schedule = CronTrigger(one.step.id, config.cron, config.timezone)
            schedule.flows, schedule.catch_up = config.flows, config.catch_up
            cron.append(schedule)
    for entry in settings.api:
        api.append(
            ApiTrigger(entry.method, entry.path, entry.id, entry.auth, entry.emits, entry.flows)
        )
    for entry in settings.cron:
        schedule = CronTrigger(entry.id, entry.schedule, entry.timezone, entry.emits, entry.flows)
        schedule.catch_up = entry.catch_up
        cron.append(schedule)
    outside = [OutsideTrigger(entry.topic, entry.flows) for entry in settings.outside]
    return Triggers(
        sorted(api, key=lambda one: (one.path, one.method, one.step)),
        sorted(cron, key=lambda one: one.id),
        sorted(outside, key=lambda one: one.topic),
    )


def check(candidates: list[Candidate], settings: Settings) -> list[UserError]:
    """A problem for each endpoint whose method and path another one has, whatever parameters are called."""
    taken: dict[tuple[str, str], str] = {}
    wrong: list[UserError] = []
    every = [
        (one.config.method, one.config.path, one.step.id, one.source.where("path"))
        for one in candidates
        if one.config.type == "api" and one.config.path and one.config.method
    ] + [(one.method, one.path, one.id, one.where) for one in settings.api]
    for method, path, id, where in every:
        at = (method or "", _PARAMETER.sub(":", path or ""))
        if at in taken:
            wrong.append(
                problems.DuplicateEndpoint(
                    f"`{taken[at]}` and `{id}` both answer {method} {path}",
                    hint="Change the path or the method of one.",
                    where=where,
                )
            )
        taken.setdefault(at, id)
    return wrong
