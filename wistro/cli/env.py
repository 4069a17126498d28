"""`wistro env`: an environment's variables. Values go in and never come out."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import msgspec
import typer

from wistro.cli import hub as hubs
from wistro.cli import say
from wistro.cli.tables import ago, table
from wistro.errors import UserError
from wistro.hub_client import api
from wistro.hub_client.connection import Hub
from wistro.hub_client.shapes import Environment

MOST_BYTES = 64 * 1024

ToOption = Annotated[str, typer.Option("--to", metavar="ENVIRONMENT", help="Which environment.")]
app = typer.Typer(
    help="Example: wistro env set STRIPE_KEY --to prod < key.txt",
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
)


class NoValue(UserError):
    """A variable that was given no value."""

    code = "env.no-value"
    hint = "Pipe it in: wistro env set NAME < file; or run it on a terminal, which asks without showing it."


@app.command("list")
def list_(
    to: ToOption = hubs.USUAL_ENVIRONMENT,
    project: hubs.ProjectOption = None,
    hub: hubs.HubOption = None,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro env list --to prod"""
    asked, environment, again = _place(project, hub, to)
    found = api.variables(asked, environment)
    if json:
        say.data(msgspec.to_builtins(found))
        return 0
    if found:
        table(
            ("NAME", "KIND", "SET", "BY"),
            [
                (one.name, "secret" if one.secret else "plain", ago(one.set_at), one.set_by or "")
                for one in found
            ],
        )
    else:
        say.talk(f"{to} has no variables")
    say.next_step(f"wistro env set NAME --to {to}{again}")
    return 0


@app.command("set")
def set_(
    name: Annotated[str, typer.Argument(help="As the steps read it: STRIPE_KEY.")],
    to: ToOption = hubs.USUAL_ENVIRONMENT,
    secret: Annotated[
        bool, typer.Option("--secret/--plain", help="A secret is redacted from all records.")
    ] = True,
    project: hubs.ProjectOption = None,
    hub: hubs.HubOption = None,
) -> int:
    """Example: wistro env set STRIPE_KEY --to prod < key.txt

    The value is read from stdin (its last line break is dropped), or asked for on a terminal; never
    written on the command line, where other users and the shell's history see it.
    """
    if "=" in name:
        raise typer.BadParameter("write the name alone; the value is read from stdin or asked for")
    asked, environment, again = _place(project, hub, to)
    made = api.set_variable(asked, environment, name, _value(name), secret=secret)
    kind = "secret" if made.secret else "plain"
    say.done("Set", f"{made.name} in {to}", f"{kind}, revision {made.revision}")
    say.detail("what serves there is started anew with it and takes over once healthy")
    say.next_step(f"wistro traffic {to}{again}")
    return 0


@app.command("unset")
def unset(
    name: Annotated[str, typer.Argument()],
    to: ToOption = hubs.USUAL_ENVIRONMENT,
    project: hubs.ProjectOption = None,
    hub: hubs.HubOption = None,
) -> int:
    """Example: wistro env unset STRIPE_KEY --to prod"""
    asked, environment, again = _place(project, hub, to)
    api.remove_variable(asked, environment, name)
    say.done("Removed", f"{name} from {to}")
    say.next_step(f"wistro env list --to {to}{again}")
    return 0


def _place(project: str | None, hub: str | None, to: str) -> tuple[Hub, Environment, str]:
    asked = hubs.signed_in(hub)
    of = hubs.project(asked, project)
    return asked, api.environment(of, to), f" --project {of.label}" if project else ""


def _value(name: str) -> str:
    if sys.stdin.isatty():
        return typer.prompt(f"Value of {name}", hide_input=True, err=True)
    data = sys.stdin.buffer.read(MOST_BYTES + 1)
    if not data:
        raise NoValue(f"{name} was given no value")
    if len(data) > MOST_BYTES:
        raise NoValue(
            f"the value of {name} is over {MOST_BYTES >> 10} KiB", hint="Keep files elsewhere."
        )
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise NoValue(
            f"the value of {name} is not text",
            hint="Encode it: base64 < file | wistro env set NAME",
        ) from error
    return text.removesuffix(os.linesep).removesuffix("\n")
