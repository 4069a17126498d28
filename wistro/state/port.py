"""What is asked of a place that keeps state outside of the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from wistro.errors import UserError
from wistro.store.port import StateWrite

GIVES_UP = {
    "files": (
        "state is kept in files: what an attempt writes is in the store when it commits and in the files a moment"
        " later; an update that does not fit its value is dropped then, and versions are refused; one engine alone may use the folder"
    ),
    "redis": (
        "state is kept in Redis: what an attempt writes is in the store when it commits and in Redis a moment later,"
        " or when Redis answers again; an update that does not fit its value is dropped then, and versions are refused; it is as durable as"
        " that Redis is"
    ),
}


class StateUnreachable(UserError):
    """The place that keeps state does not answer. What was committed is kept in the store until it does."""

    code = "state.unreachable"
    hint = "Look whether it runs and whether `state.url` in wistro.yml names it."
    status = 503


class StateUnreadable(UserError):
    """A value of the state is no JSON: somebody else has written there."""

    code = "state.unreadable"
    hint = "Mend or delete it where it is kept."


class StateAdapter(Protocol):
    """Every method raises StateUnreachable when the place does not answer within some seconds."""

    name: str

    async def start(self) -> None: ...

    async def apply(self, stream: str, number: int, writes: Sequence[StateWrite]) -> list[str]:
        """Apply them in order, all at once for who reads; what did not fit is left out and told.

        Asked again with the same or a lower number of a stream it does nothing: it may have been done before a crash.
        """
        ...

    async def entry(self, group: str, key: str) -> Any:
        """The value, or store.state.MISSING."""
        ...

    async def entries(
        self, group: str, *, after: str | None = None, limit: int | None = None
    ) -> list[tuple[str, Any]]:
        """In order of key."""
        ...

    async def groups(self, *, after: str | None = None, limit: int = 100) -> list[tuple[str, int]]:
        """Those that have keys, in order, with how many."""
        ...

    async def close(self) -> None: ...
