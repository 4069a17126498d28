"""`wistro dead`: deliveries that were given up, and their further chance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
import typer

from wistro.cli import here as heres
from wistro.cli import hub as hubs
from wistro.cli import say
from wistro.cli.groups import group
from wistro.cli.tables import ago, table
from wistro.cli.values import shown
from wistro.errors import UserError
from wistro.protocol.operating import Changed, DeadPage, DeadView, Redriven, RedrivenMany

app = group("wistro dead redrive --step src/payments/charge")
PAGE = 200

StepOption = Annotated[str | None, typer.Option(help="Only of this step, by its id.")]


class NothingNamed(UserError):
    """Dead letters were to be redriven, and none was named."""

    code = "dead.none-named"
    hint = "Name them, or say `--all`, or `--step` for those of one step."


@app.command("list")
def list_(
    step: StepOption = None,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1, max=10_000)] = 50,
    folder: heres.FolderOption = heres.USUAL_FOLDER,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro dead list --step src/payments/charge"""
    here = heres.find(folder)
    here.tell_source()
    found = [one for one, _ in zip(_letters(here, step), range(limit), strict=False)]
    if json:
        say.data(msgspec.to_builtins(found))
    elif found:
        table(
            ("DELIVERY", "STEP", "TOPIC", "TRIES", "DIED", "ERROR"),
            [_row(one) for one in found],
            right=(3,),
            spare=(3, 2, 4, 1),
        )
        say.next_step(f"wistro dead show {found[0].id}")
    else:
        say.talk("no dead letter" + (f" of {say.plain(step)}" if step else ""))
    return 0


@app.command("show")
def show(
    delivery: Annotated[str, typer.Argument(help="Its id: del_…")],
    folder: heres.FolderOption = heres.USUAL_FOLDER,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro dead show del_06d3…

    Its message, and why it was given up.
    """
    here = heres.find(folder)
    here.tell_source()
    one = here.get(f"dead/{delivery}", DeadView)
    if json:
        say.data(msgspec.to_builtins(one))
        return 0
    topic = f" <- {one.topic}" if one.topic else ""
    say.line(f"{one.id}  {one.step}{topic}  {one.attempts} attempts  {ago(one.dead_at)}")
    say.line(f"  {one.error.get('type', '')}: {one.error.get('message', '')}")
    for text in [*str(one.error.get("stack", "")).splitlines(), *one.stderr.splitlines()]:
        say.line(f"      {text}")
    say.out(f"  message  {shown(one.data)}")
    say.out(f"  run      {one.run}")
    say.next_step(f"wistro dead redrive {one.id}")
    return 0


@app.command("redrive")
def redrive(
    deliveries: Annotated[
        list[str] | None, typer.Argument(metavar="DELIVERY…", help="Their ids.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every one there is.")] = False,
    step: StepOption = None,
    folder: heres.FolderOption = heres.USUAL_FOLDER,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro dead redrive --all

    Each is tried again under its own id; its run lives again. Exit 1 when one of them could not be.
    """
    if not deliveries and not everything and step is None:
        raise NothingNamed("which dead letters?")
    here = heres.find(folder)
    made = _redriven_each(here, deliveries) if deliveries else _redriven_all(here, step)
    redriven, failed = made.redriven, len(made.refused)
    for id, why in made.refused.items():
        say.failed(id, say.plain(why))
    if json:
        say.data(msgspec.to_builtins(redriven))
    if not redriven and not failed:
        say.talk("no dead letter" + (f" of {say.plain(step)}" if step else ""))
        return 0
    number = f"{len(redriven)} dead letter{'' if len(redriven) == 1 else 's'}"
    say.done("Redriven", number)
    if made.more:
        say.next_step("the same again: there may be more of them")
    elif redriven:
        say.next_step(f"wistro runs show {redriven[0].run}")
    return 1 if failed else 0


@app.command("delete")
def delete(
    deliveries: Annotated[list[str], typer.Argument(metavar="DELIVERY…", help="Their ids.")],
    folder: heres.FolderOption = heres.USUAL_FOLDER,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro dead delete del_06d3…

    Gives it up for ever.
    """
    here = heres.find(folder)
    for one in deliveries:
        here.ask("DELETE", f"dead/{one}", Changed)
        say.done("Deleted", one)
    if json:
        say.data({"deleted": deliveries})
    return 0


def _redriven_each(here: heres.Here, ids: list[str]) -> RedrivenMany:
    made = RedrivenMany([], {})
    for id in ids:
        try:
            made.redriven.append(here.ask("POST", f"dead/{id}/redrive", Redriven))
        except UserError as error:
            if len(ids) == 1 or error.code == "control.no-engine":
                raise
            made.refused[id] = error.message
    return made


def _redriven_all(here: heres.Here, step: str | None) -> RedrivenMany:
    """In one request, however many: the engine knows their order."""
    if here.running is None and next(_letters(here, step), None) is None:
        return RedrivenMany([], {})
    return here.ask("POST", "dead/redrive", RedrivenMany, step=step)


def _letters(here: heres.Here, step: str | None) -> Iterator[DeadView]:
    before: str | None = None
    while True:
        page = here.get("dead", DeadPage, limit=PAGE, before=before)
        yield from (one for one in page.dead if step is None or one.step == step)
        if (before := page.next) is None:
            return


def _row(one: DeadView) -> tuple[str, ...]:
    error = f"{one.error.get('type', '')}: {one.error.get('message', '')}"
    return (
        one.id,
        one.step,
        one.topic or "",
        str(one.attempts),
        ago(one.dead_at),
        say.clipped(say.plain(error), 100),
    )
