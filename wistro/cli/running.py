"""Run one command: parse with typer, and turn what goes wrong into an exit code and readable text."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import traceback

import typer

from wistro.cli import say
from wistro.errors import UserError

DONE, YOURS, MISUSE, OURS = 0, 1, 2, 70
INTERRUPTED = 130


def run_command(name: str, module_name: str, given: list[str]) -> int:
    """The exit code of `wistro <name> <given…>`."""
    try:
        module = importlib.import_module(module_name)
        command = typer.main.get_command(_app(module))
        result = command.main(given, prog_name=f"wistro {name}", standalone_mode=False)
        return result if isinstance(result, int) else DONE
    except UserError as error:
        say.error(error)
        return YOURS
    except typer.Exit as exit:
        return exit.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) is gone; keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return YOURS
    except Exception as error:
        if _is_misuse(error):
            error.show(sys.stderr)  # type: ignore[attr-defined]
            return MISUSE
        return _ours(name, error)


def _app(module: object) -> typer.Typer:
    app = getattr(module, "app", None)
    if app is not None:
        return app
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(help=inspect.getdoc(module.run))(module.run)  # type: ignore[attr-defined]
    return single


def _is_misuse(error: Exception) -> bool:
    """typer's own parse errors, wherever it keeps its click: they can `show` themselves and have an exit code."""
    return hasattr(error, "show") and hasattr(error, "exit_code")


def _ours(name: str, error: Exception) -> int:
    traceback.print_exception(error)
    sys.stderr.write(f"error: wistro {name} broke; this is a mistake of wistro, not of yours\n")
    sys.stderr.write(" hint: report it with the lines above\n")
    return OURS
