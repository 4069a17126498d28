"""The `wistro` command. A command is one file here and one line in COMMANDS; it is imported when it is asked for."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from wistro import __version__


@dataclass(frozen=True)
class Command:
    """`module` has `run` (one command) or `app` (a typer.Typer of several). `says` stands in `wistro --help`."""

    says: str
    module: str


COMMANDS: dict[str, Command] = {
    "init": Command("Start a project from a template", "wistro.cli.init"),
    "install": Command("Install a project's packages, types and tools", "wistro.cli.install"),
    "lock": Command("Compile the project to wistro.yml.lock, or check it", "wistro.cli.lock"),
    "check": Command("Run type checkers over the steps", "wistro.cli.check"),
    "diff": Command("What changed between two locks or commits", "wistro.cli.diff"),
    "export": Command("The lock as OpenAPI or AsyncAPI", "wistro.cli.export"),
    "import": Command("Bring a Motia project", "wistro.cli.import_motia"),
    "dev": Command("Run the project here while you write it", "wistro.cli.dev"),
    "start": Command("Serve a project as its lock says", "wistro.cli.start"),
    "doctor": Command("What is wrong here, and what to do", "wistro.cli.doctor"),
    "replay": Command("Run recorded samples here and compare", "wistro.cli.replay"),
    "login": Command("Sign in to the Hub through a browser", "wistro.cli.login"),
    "logout": Command("Sign out and revoke the token", "wistro.cli.logout"),
    "whoami": Command("Who is signed in at which Hub", "wistro.cli.whoami"),
    "link": Command("Remember which project of the Hub this folder is", "wistro.cli.link"),
    "deploy": Command("Send this folder as a new version and start it", "wistro.cli.deploy"),
    "versions": Command("List versions, or show one with its build's log", "wistro.cli.versions"),
    "traffic": Command("Show or set how calls are split between versions", "wistro.cli.traffic"),
    "promote": Command("Give a version all of an environment's traffic", "wistro.cli.promote"),
    "rollback": Command("Go back to the split that was before", "wistro.cli.rollback"),
    "env": Command("List, set and unset an environment's variables", "wistro.cli.env"),
    "datasets": Command("List recorded test cases, and pull them", "wistro.cli.datasets"),
    "runs": Command("What ran, here or in an environment; end a run", "wistro.cli.runs"),
    "logs": Command("Log lines, and those that come", "wistro.cli.logs"),
    "emit": Command("Send an event to the project that runs here", "wistro.cli.emit"),
    "state": Command("Look at, and mend, what steps keep", "wistro.cli.state"),
    "tasks": Command("What waits for a person or another system; answer it", "wistro.cli.tasks"),
    "dead": Command("Deliveries that were given up; try them again", "wistro.cli.dead"),
    "open": Command("Open the project's pages in a browser", "wistro.cli.open"),
}

# How `wistro --help` groups them; a command in none of these stands under the last.
_GROUPS = {
    "Write and run a project": (
        "init",
        "install",
        "lock",
        "check",
        "dev",
        "start",
        "replay",
        "diff",
        "export",
        "doctor",
        "import",
    ),
    "Your account and project in the Hub": ("login", "logout", "whoami", "link", "open"),
    "Ship": ("deploy", "versions", "traffic", "promote", "rollback", "env"),
    "Watch and operate": ("runs", "logs", "emit", "tasks", "state", "dead", "datasets"),
}
_OTHERS = "More"

# Documented, and not in this release: said so, never taken for a typing mistake.
_NOT_YET = ("test", "eval")

_EXAMPLE = "wistro init shop && cd shop && wistro install && wistro dev"


def main(arguments: list[str] | None = None) -> None:
    """The console script: exits 0 done, 1 yours to fix, 2 misuse, 70 ours."""
    given = sys.argv[1:] if arguments is None else arguments
    sys.exit(run(given))


def run(given: list[str]) -> int:
    """`main` without the exit: the exit code."""
    if not given or given[0] in ("-h", "--help", "help"):
        sys.stdout.write(overview())
        return 0
    if given[0] in ("-V", "--version", "version"):
        sys.stdout.write(f"wistro {__version__}\n")
        return 0
    if given[0] not in COMMANDS:
        return _not_yet(given[0]) if given[0] in _NOT_YET else _unknown(given[0])
    from wistro.cli.running import run_command  # typer is imported here, not for `wistro --help`

    return run_command(given[0], COMMANDS[given[0]].module, given[1:])


def overview() -> str:
    width = max(map(len, COMMANDS))
    grouped = {name for names in _GROUPS.values() for name in names}
    groups = _GROUPS | {_OTHERS: tuple(name for name in COMMANDS if name not in grouped)}
    rows: list[str] = []
    for title, names in groups.items():
        if known := [name for name in names if name in COMMANDS]:
            rows += [
                f"{title}:",
                *(f"  {name:<{width}}  {COMMANDS[name].says}" for name in known),
                "",
            ]
    return "\n".join(
        [
            f"example: {_EXAMPLE}",
            "",
            "usage: wistro <command> [options]",
            "",
            *rows,
            "`wistro <command> --help` says more; `--version` which wistro this is.",
            "",
        ]
    )


def _not_yet(name: str) -> int:
    from wistro.cli import say
    from wistro.cli.notyet import CommandNotYet

    say.error(CommandNotYet(f"`wistro {name}` is not in this release"))
    return 2


def _unknown(name: str) -> int:
    import difflib

    close = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f"did you mean `wistro {close[0]}`?" if close else "`wistro --help` lists them."
    sys.stderr.write(f"error: there is no command `{name}`\n hint: {hint}\n")
    return 2
