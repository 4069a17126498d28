"""Flows: labels, gathered from steps and wistro.yml; each needs one way in."""

from __future__ import annotations

from wistro.compiler import problems
from wistro.compiler.config import Candidate
from wistro.compiler.meet import Topic
from wistro.compiler.settings import Settings
from wistro.errors import UserError
from wistro.lock.model import LockedFlow


def gather(candidates: list[Candidate], settings: Settings) -> dict[str, LockedFlow]:
    members: dict[str, list[str]] = {id: [] for id in settings.flows}
    for step in candidates:
        for flow in step.config.flows:
            members.setdefault(flow, []).append(step.step.id)
    for entry in [*settings.api, *settings.cron, *settings.outside]:
        for flow in entry.flows:
            members.setdefault(flow, []).append(entry.id)
    return {
        id: LockedFlow(
            name=settings.flows.get(id, (id, None))[0],
            description=settings.flows.get(id, (id, None))[1],
            steps=sorted(steps),
        )
        for id, steps in sorted(members.items())
    }


def check(
    flows: dict[str, LockedFlow],
    candidates: list[Candidate],
    settings: Settings,
    topics: dict[str, Topic],
) -> list[UserError]:
    """A problem for each flow without a trigger and without an emit from outside of it."""
    kinds = {one.step.id: one.config.type for one in candidates}
    by_id = {one.step.id: one for one in candidates}
    return [
        problems.NoWayIn(
            f"flow `{id}` has no way in: nothing starts it",
            where=_where(id, flow, settings, by_id),
        )
        for id, flow in flows.items()
        if not _has_way_in(set(flow.steps), kinds, by_id, topics)
    ]


def _has_way_in(
    members: set[str], kinds: dict[str, str], by_id: dict[str, Candidate], topics: dict[str, Topic]
) -> bool:
    for id in members:
        if kinds.get(id, "api") in ("api", "cron"):  # an entry of wistro.yml is a trigger too
            return True
        for name in by_id[id].config.subscribes:
            # What nothing emits is told as that.
            if not topics[name].emitters:
                return True
            if any(one.id not in members for one in topics[name].emitters):
                return True
    return False


def _where(id: str, flow: LockedFlow, settings: Settings, by_id: dict[str, Candidate]) -> str:
    if id in settings.flow_where or not flow.steps:
        return settings.flow_where[id]
    return by_id[flow.steps[0]].source.where("flows", id)
