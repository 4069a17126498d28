"""`wistro tasks`: No-Op steps that wait, and their answers."""

from __future__ import annotations

import getpass
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import typer

from wistro.cli import here as heres
from wistro.cli import hub as hubs
from wistro.cli import say
from wistro.cli.groups import group
from wistro.cli.tables import ago, table
from wistro.cli.values import read_json, shown
from wistro.protocol.operating import AnswerView, Link, TaskPage, TaskView

app = group('wistro tasks answer tsk_06d3… approve \'{"note": "fine"}\'')
PAGE = 200

TaskArgument = Annotated[str, typer.Argument(metavar="TASK", help="Its id: tsk_…")]


class State(StrEnum):
    open = "open"
    answered = "answered"
    timed_out = "timed-out"
    cancelled = "cancelled"
    all = "all"


@app.command("list")
def list_(
    state: Annotated[State, typer.Option(help="Those that are so.")] = State.open,
    assignee: Annotated[str | None, typer.Option(help="Only those of this assignee.")] = None,
    step: Annotated[str | None, typer.Option(help="Only of this step, by its id.")] = None,
    run: Annotated[str | None, typer.Option(metavar="RUN", help="Only of this run.")] = None,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1, max=10_000)] = 50,
    folder: heres.FolderOption = heres.USUAL_FOLDER,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro tasks list --assignee managers"""
    here = heres.find(folder)
    here.tell_source()
    asked = {"state": state, "assignee": assignee, "step": step, "run": run}
    found, before = _listed(here, asked, limit)
    if json:
        say.data(msgspec.to_builtins(found))
    elif found:
        table(
            ("TASK", "STEP", "ASSIGNEE", "STATE", "OPENED", "ANSWERS"),
            [_row(one) for one in found],
            spare=(2, 5, 3, 4),
        )
        if before is not None:
            say.note(f"these are the newest {limit}; --limit shows more")
        say.next_step(f"wistro tasks show {found[0].id}")
    else:
        say.talk("no task waits" if state is State.open else f"no task is {state}")
    return 0


@app.command("show")
def show(
    task: TaskArgument,
    folder: heres.FolderOption = heres.USUAL_FOLDER,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro tasks show tsk_06d3…

    What it waits with, how it may be answered and with which fields, or how it ended.
    """
    here = heres.find(folder)
    here.tell_source()
    one = here.get(f"tasks/{task}", TaskView)
    if json:
        say.data(msgspec.to_builtins(one))
        return 0
    say.line(f"{one.id}  {one.name}  {one.state}")
    if one.description:
        say.line(f"  {one.description}")
    _field("step", f"{one.step}{f' <- {one.topic}' if one.topic else ''}")
    _field("run", one.run)
    _field("for", one.assignee or "anybody")
    _field("opened", ago(one.opened_at) + (f", until {one.expires_at}" if one.expires_at else ""))
    _field("message", shown(one.message))
    if one.ended is not None:
        by = f" by {one.ended.by}" if one.ended.by else ""
        how = f" ({one.ended.how})" if one.ended.how else ""
        _field("ended", f"{one.ended.answer or one.state}{by}{how}, {ago(one.ended.at)}")
        return 0
    for name, answer in one.answers.items():
        _field("answer", f"{name} -> {answer.emits}")
        for field in _fields(answer):
            say.line(f"              {field}")
    if one.answers:
        name, answer = next(iter(one.answers.items()))
        form = " '{…}'" if _fields(answer) else ""
        say.next_step(f"wistro tasks answer {one.id} {name}{form}")
    return 0


@app.command("answer")
def answer(
    task: TaskArgument,
    name: Annotated[str, typer.Argument(metavar="ANSWER", help="One of its answers.")],
    form: Annotated[str, typer.Argument(help="JSON; `-` reads stdin, `@file` a file.")] = "{}",
    by: Annotated[
        str | None, typer.Option(help="Who answers; else your name on this machine.")
    ] = None,
    folder: heres.FolderOption = heres.USUAL_FOLDER,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro tasks answer tsk_06d3… approve '{"note": "fine"}'

    Ends the task with it: what it emits is on disk then. A form that does not fit is refused with the fields.
    """
    here = heres.find(folder)
    body = {"answer": name, "form": read_json(form, what="FORM"), "by": by or _me()}
    ended = here.ask("POST", f"tasks/{task}/answer", TaskView, body)
    if json:
        say.data(msgspec.to_builtins(ended))
    else:
        say.done("Answered", f"{say.plain(ended.name)}: {say.plain(name)}", ended.id)
    say.next_step(f"wistro runs show {ended.run}")
    return 0


@app.command("link")
def link(
    task: TaskArgument,
    folder: heres.FolderOption = heres.USUAL_FOLDER,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro tasks link tsk_06d3…

    A new address at which whoever has it may see and answer the task. It is told once.
    """
    made = heres.find(folder).ask("POST", f"tasks/{task}/link", Link)
    if json:
        say.data({"url": made.url})
    else:
        say.out(made.url)
    return 0


def _listed(
    here: heres.Here, asked: dict[str, Any], limit: int
) -> tuple[list[TaskView], str | None]:
    found: list[TaskView] = []
    before: str | None = None
    while True:
        page = here.get(
            "tasks", TaskPage, **asked, before=before, limit=min(PAGE, limit - len(found))
        )
        found, before = found + page.tasks, page.next
        if before is None or len(found) >= limit:
            return found, before


def _row(one: TaskView) -> tuple[str, ...]:
    answers = ", ".join(one.answers) if one.ended is None else (one.ended.answer or "")
    return (one.id, one.name, one.assignee or "", one.state, ago(one.opened_at), answers)


def _fields(answer: AnswerView) -> list[str]:
    """`note: string, needed`, for each field of a form that is an object."""
    schema = answer.form or {}
    needed = schema.get("required", [])
    return [
        f"{name}: {one.get('type', 'any') if isinstance(one, dict) else 'any'}"
        f"{', needed' if name in needed else ''}"
        for name, one in schema.get("properties", {}).items()
    ]


def _field(name: str, text: str) -> None:
    say.line(f"  {name:<9} {text}")


def _me() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in many containers
        return None
