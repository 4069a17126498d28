"""docs/reference/cli.md: every `wistro` command with what it takes, as its own `--help` would say it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from enum import Enum
from typing import Any

import typer

from wistro.cli import COMMANDS

HEAD = """# Commands

`wistro <command> --help` says the same. Made by `python -m infra.reference --write`.

Data goes to stdout and talk to stderr; `--json` is for scripts. Exit code 0: done; 1: yours to fix; 2: wrong use;
70: our mistake; 130: Ctrl-C. `NO_COLOR` is respected. `WISTRO_HUB_URL` and `WISTRO_TOKEN` come before what `wistro login` kept."""


def page() -> str:
    return "\n".join([HEAD, *(line for name in COMMANDS for line in section(name))]) + "\n"


def names() -> set[str]:
    """`deploy`, `env`, `env set`, …: everything that may stand after `wistro`."""
    found = set(COMMANDS)
    for name in COMMANDS:
        found |= {f"{name} {inner}" for inner in inner_commands(command_of(name))}
    return found


def options(name: str) -> set[str]:
    """Every option of `deploy` or `env set`; of `runs`, which means `runs list`, those of that."""
    outer, _, inner = name.partition(" ")
    command = command_of(outer)
    inner = inner or getattr(command, "usual", "")
    if inner:
        command = inner_commands(command)[inner]
    return {"--help", *(one for each in command.params for one in spellings(each))}


def command_of(name: str) -> Any:
    """The click command of `wistro <name>`."""
    module = importlib.import_module(COMMANDS[name].module)
    if (app := getattr(module, "app", None)) is None:
        app = typer.Typer(add_completion=False)
        app.command()(module.run)
    return typer.main.get_command(app)


def inner_commands(command: Any) -> dict[str, Any]:
    return dict(getattr(command, "commands", {}))


def section(name: str) -> Iterator[str]:
    command = command_of(name)
    yield from ("", f"## wistro {name}", "", f"{COMMANDS[name].says}.")
    inner = inner_commands(command)
    if not inner:
        yield from described(command)
    for word, one in inner.items():
        yield from ("", f"### wistro {name} {word}")
        yield from described(one)


def described(command: Any) -> Iterator[str]:
    """Its example, what it says of itself, and a table of what it takes."""
    example, _, more = (command.help or "").partition("\n\n")
    yield from ("", "```console", f"$ {example.removeprefix('Example: ').strip()}", "```")
    if more:
        yield from ("", " ".join(more.split()))
    if command.params:
        yield from ("", "| takes | what | default |", "|---|---|---|")
        yield from (row(one) for one in command.params)


def row(parameter: Any) -> str:
    is_argument = parameter.param_type_name == "argument"
    spelled = named(parameter) if is_argument else ", ".join(map(code, spellings(parameter)))
    value = "" if is_argument or parameter.is_flag else f" {named(parameter)}"
    says = (parameter.help or "").replace("|", "\\|")
    return f"| {spelled}{value} | {says} | {shown_default(parameter)} |"


def named(parameter: Any) -> str:
    annotation = parameter.type_descriptor.annotation
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " / ".join(code(str(one.value)) for one in annotation)
    return f"*{parameter.metavar or parameter.name.upper()}*"


def spellings(parameter: Any) -> list[str]:
    if parameter.param_type_name == "argument":
        return []
    return [*parameter.opts, *parameter.secondary_opts]


def code(text: str) -> str:
    return f"`{text}`"


def shown_default(parameter: Any) -> str:
    """As one would write it; a switch is off unless it says otherwise."""
    default = parameter.default
    if parameter.required:
        return "needed"
    if default is None or default is False or callable(default):
        return ""
    if default is True and parameter.secondary_opts:
        return code(parameter.opts[0])
    return code(str(getattr(default, "value", default)))
