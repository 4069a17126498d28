"""What people are shown, and may change, of a running engine, besides what `reading` tells of its runs.

The control socket of `wistro dev` and `wistro start` (`wistro/control`) answers, under `/api/v1`, what `reading` names, and:

    GET  /engine                                    EngineView
    POST /reload                                    Changed      0 where the engine reads its files once (`wistro start`)
    POST /runs/<run>/cancel                         Changed
    POST /runs/<run>/replay?from=<step>             Emitted      a new run that does it once more
    GET  /delayed?limit=                            DelayedPage  soonest first
    DELETE /delayed/<delivery>                      Changed      taken back
    DELETE /dead/<delivery>                         Changed      given up for ever
    POST /events                                    Emitted      body: {topic, data}
    GET  /dead?step=&run=&before=<delivery>&limit=  DeadPage
    GET  /dead/<delivery>                           DeadView
    POST /dead/<delivery>/redrive                   Redriven
    POST /dead/redrive?step=                        RedrivenMany   all of them, or those of one step
    GET  /state?after=<group>&limit=                GroupPage
    GET  /state?group=&after=<key>&limit=           EntryPage
    GET  /state?group=&key=                         Entry
    PUT  /state                                     Changed      body: {group, key, value}
    DELETE /state?group=[&key=]                     Changed
    GET  /tasks?state=&assignee=&step=&run=&before=<task>&limit=   TaskPage
    GET  /tasks/<task>                              TaskView
    POST /tasks/<task>/answer                       TaskView     body: {answer, form, by}
    POST /tasks/<task>/link                         Link
"""

from __future__ import annotations

from typing import Any

import msgspec


class ProblemView(msgspec.Struct):
    code: str
    message: str
    where: str | None
    hint: str | None


class EngineView(msgspec.Struct):
    """The process that runs a project. `lock` is None until it compiles."""

    pid: int
    command: str  # dev | start
    wistro: str
    started_at: str
    endpoints: str
    screens: str | None  # without its token
    lock: str | None  # its digest
    steps: int
    live_runs: int
    backlog: int
    in_flight: int
    problems: list[ProblemView]


class Changed(msgspec.Struct):
    """How many things there were to change: 0 when it was so already."""

    number: int


class Emitted(msgspec.Struct):
    run: str


class DeadView(msgspec.Struct):
    """A delivery that was given up. `data` is its message."""

    id: str
    run: str
    step: str
    topic: str | None
    kind: str  # event | cron
    attempts: int
    dead_at: str
    error: dict[str, Any]  # {type, message, stack, code}
    stderr: str
    data: Any


class DeadPage(msgspec.Struct):
    """Newest first. `next` goes into `before`; None at the end."""

    dead: list[DeadView]
    next: str | None


class Redriven(msgspec.Struct):
    id: str
    run: str


class RedrivenMany(msgspec.Struct):
    """Oldest first. `refused` says of the others why, by their ids. `more`: there may be some that were not looked at."""

    redriven: list[Redriven]
    refused: dict[str, str]
    more: bool = False


class DelayedView(msgspec.Struct):
    """A message that is due later."""

    id: str
    run: str
    step: str
    topic: str | None
    due_at: str


class DelayedPage(msgspec.Struct):
    """Soonest first; `more` when there are others."""

    delayed: list[DelayedView]
    more: bool


class GroupView(msgspec.Struct):
    group: str
    keys: int


class GroupPage(msgspec.Struct):
    groups: list[GroupView]
    next: str | None


class Entry(msgspec.Struct):
    group: str
    key: str
    value: Any


class EntryPage(msgspec.Struct):
    entries: list[Entry]
    next: str | None


class AnswerView(msgspec.Struct):
    """One way to answer a task. `form` is the JSON Schema of what is emitted on `emits`; None where nothing is asked."""

    emits: str
    form: dict[str, Any] | None


class EndView(msgspec.Struct):
    """How a task ended. `how` is link | api | cli | timeout; None where its run was cancelled."""

    at: str
    answer: str | None
    form: Any
    by: str | None
    how: str | None


class TaskView(msgspec.Struct):
    """A No-Op step that waits. `answers` is empty when its deployment is not loaded."""

    id: str
    run: str
    step: str
    name: str
    description: str | None
    assignee: str | None
    state: str  # open | answered | timed-out | cancelled
    opened_at: str
    expires_at: str | None
    topic: str | None
    message: Any
    answers: dict[str, AnswerView]
    ended: EndView | None


class TaskPage(msgspec.Struct):
    """Newest first. `next` goes into `before`; None at the end."""

    tasks: list[TaskView]
    next: str | None


class Link(msgspec.Struct):
    """Whoever has it may answer the task. It is told once: only its hash is kept."""

    url: str
