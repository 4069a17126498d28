"""What a project keeps and whether something runs it: the store's file whole, the engine answering."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from wistro import __version__
from wistro.control.client import Running
from wistro.control.place import socket_of
from wistro.dev.one_engine import AlreadyRunning, OneEngine
from wistro.doctor.finding import Finding, bad, good, note
from wistro.errors import UserError
from wistro.protocol.operating import EngineView
from wistro.records.index import INDEX
from wistro.store.sqlite_file import check_schema, connect
from wistro.wiring import STORE, kept_state

FILES = {
    STORE: "it holds what is still to be done: put a copy of it in its place",
    INDEX: "it holds what is shown, and nothing that is still to be done: move it away",
}


def engine(root: Path) -> tuple[Finding, EngineView | None]:
    """Who runs the project, if somebody does and answers."""
    name = "engine"
    if not (root / ".wistro").is_dir():
        return good(name, "nothing has run here yet"), None
    try:
        running = Running.find(root)
        view = running.get("engine", EngineView) if running else None
    except UserError as error:
        return bad(name, error.message, error.hint or ""), None
    if view is None:
        return _nobody(root), None
    says = f"`wistro {view.command}`, process {view.pid}, {view.endpoints}"
    if view.wistro != __version__:
        do = "End it and start it anew."
        return note(name, f"{says}, is wistro {view.wistro}, this is {__version__}", do), view
    if view.problems:
        first = view.problems[0].message
        do = "Its terminal says all of it."
        return bad(name, f"{says}: the project does not compile: {first}", do), view
    return good(name, f"{says}, {view.live_runs} live runs, {view.backlog} deliveries to do"), view


def kept(root: Path) -> Iterator[Finding]:
    for name, what in FILES.items():
        path = root / ".wistro" / name
        if path.is_file():
            yield _whole(path, what)


async def state(root: Path) -> Finding | None:
    """Whether the place that keeps state answers, where it is not the store."""
    try:
        adapter = kept_state(root)
        if adapter is None:
            return None
        try:
            if adapter.name == "redis":  # looking must not mend files
                await adapter.start()
            groups = await adapter.groups(limit=1_000)
        finally:
            await adapter.close()
    except UserError as error:
        return bad("state", error.message, error.hint or "")
    return good("state", f"{adapter.name} answers, {len(groups)} groups")


def _nobody(root: Path) -> Finding:
    try:
        with OneEngine(root / ".wistro", "wistro doctor"):
            left = socket_of(root).exists()
    except AlreadyRunning as error:
        return bad(
            "engine",
            f"{error.message}, and does not answer",
            "It may be starting. Else end it (kill that process): what was not done is done by the next.",
        )
    if left:
        return good("engine", "none runs; one that was killed left its socket, the next takes it")
    return good("engine", "none runs")


def _whole(path: Path, what: str) -> Finding:
    name = "store" if path.name == STORE else "records"
    size = path.stat().st_size / 1024**2
    try:
        with contextlib.closing(connect(path, read_only=True)) as db:
            if path.name == STORE:
                check_schema(db, path)
            found = [row[0] for row in db.execute("PRAGMA quick_check(5)")]
    except UserError as error:
        return bad(name, error.message, error.hint or "")
    except sqlite3.Error as error:
        return bad(name, f"{path.name} cannot be read: {error}", f"End what holds it; {what}.")
    if found != ["ok"]:
        return bad(name, f"{path.name} is damaged: {found[0]}", f"End the engine; {what}.")
    return good(name, f"{path.name} is whole, {size:.1f} MiB")
