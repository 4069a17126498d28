"""What is asked about, and what every answer may refuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from wistro.engine.engine import Engine
from wistro.errors import UserError
from wistro.lock.model import Lock
from wistro.protocol.operating import EngineView
from wistro.records.local_reads import LocalReads
from wistro.store.port import Reads

Query = Mapping[str, str]


class NoEngine(UserError):
    """What is asked needs the engine, and none runs this project."""

    code = "control.no-engine"
    hint = "Start it with `wistro dev` or `wistro start`, in another terminal."
    status = 503


class NothingSuch(UserError):
    """The control socket was asked for what it does not have."""

    code = "control.unknown"
    hint = "Command and engine may be of two releases of wistro: start the engine anew."
    status = 404


class BadRequest(UserError):
    """A request's body or query is not of the shape that is wanted."""

    code = "control.request"


@dataclass(frozen=True)
class Project:
    """What is asked about. `engine` and `view` are None where nothing runs."""

    reads: LocalReads | None  # None: nothing was ever recorded
    store: Reads | None
    lock: Callable[[], Lock | None]
    engine: Engine | None = None
    view: Callable[[], EngineView] | None = None
    reload: Callable[[], None] | None = None  # of `wistro dev`: what is installed has changed

    @property
    def running(self) -> Engine:
        """Raises NoEngine."""
        if self.engine is None:
            raise NoEngine("no engine runs this project, so nothing of it can be changed")
        return self.engine


def decoded(body: bytes, type: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=type)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"the request's body is unfit: {error}") from error
