"""What a command may ask of a project on this machine, and what it may change there.

Given an engine it asks that; without one it reads the store's and the records' files, and refuses to change anything.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import msgspec

from wistro.control import reading
from wistro.control.again import Again
from wistro.control.asked import BadRequest, NoEngine, NothingSuch, Project, Query, decoded
from wistro.control.tasks import TaskAnswers
from wistro.engine.engine import Engine
from wistro.errors import UserError
from wistro.protocol.ids import read as read_id
from wistro.protocol.ids import show
from wistro.protocol.operating import (
    Changed,
    DeadPage,
    DeadView,
    Emitted,
    EngineView,
    Entry,
    EntryPage,
    GroupPage,
    GroupView,
)
from wistro.protocol.times import rfc3339
from wistro.store.port import DeadLetter, Reads, StateWrite, Unit
from wistro.store.state import MISSING


class UnknownDeadLetter(UserError):
    """No dead letter has this id: it never was one, or it has been redriven."""

    code = "dead.unknown"
    hint = "`wistro dead` lists them."
    status = 404


class UnknownKey(UserError):
    """The state has no such key."""

    code = "state.unknown-key"
    hint = "`wistro state` lists the groups, `wistro state list <group>` its keys."
    status = 404


class Event(msgspec.Struct):
    topic: str
    data: Any


class Answers:
    def __init__(self, project: Project) -> None:
        self._project = project
        self._tasks = TaskAnswers(project)
        again = Again(project)
        self._answer: dict[tuple[str, str], Callable[[str, Query, bytes], Awaitable[Any]]] = {
            ("GET", "engine"): self._view,
            ("POST", "reload"): self._reload,
            ("POST", "runs"): again.change_run,
            ("GET", "delayed"): again.delayed,
            ("DELETE", "delayed"): again.take_back,
            ("DELETE", "dead"): again.delete_dead,
            ("POST", "events"): self._emit,
            ("GET", "dead"): self._dead,
            ("POST", "dead"): again.redrive,
            ("GET", "tasks"): self._tasks.read,
            ("POST", "tasks"): self._tasks.change,
            ("GET", "state"): self._state,
            ("PUT", "state"): self._set,
            ("DELETE", "state"): self._forget,
        }

    async def answer(self, method: str, path: str, query: Query, body: bytes = b"") -> Any:
        """`path` is that below `/api/v1/`. Raises UserError for whatever the asker can mend."""
        what, _, rest = path.partition("/")
        if method == "GET" and what in reading.KNOWN:
            return await reading.read(path, query, self._project.reads, self._project.lock())
        if (found := self._answer.get((method, what))) is None:
            raise NothingSuch(f"there is no {method} {path}")
        return await found(unquote(rest), query, body)

    async def _view(self, rest: str, query: Query, body: bytes) -> EngineView:
        if self._project.view is None:
            raise NoEngine("no engine runs this project")
        return self._project.view()

    async def _reload(self, rest: str, query: Query, body: bytes) -> Changed:
        if self._project.reload is None:
            return Changed(0)
        self._project.reload()
        return Changed(1)

    # Runs and events

    async def _emit(self, rest: str, query: Query, body: bytes) -> Emitted:
        event = decoded(body, Event)
        return Emitted(show("run", await self._engine.emit(event.topic, event.data)))

    # Dead letters

    async def _dead(self, rest: str, query: Query, body: bytes) -> DeadPage | DeadView:
        store = self._project.store
        if rest:
            id = str(read_id("delivery", rest))
            found = await store.dead_letter(id) if store else None
            if found is None:
                raise UnknownDeadLetter(f"no dead letter `{rest}`")
            return dead_view(found)
        limit = reading.limit(query, 50)
        before = str(read_id("delivery", query["before"])) if query.get("before") else None
        letters = await store.dead_letters(limit=limit + 1, before=before) if store else []
        page = [dead_view(one) for one in letters[:limit]]
        return DeadPage(page, page[-1].id if len(letters) > limit else None)

    # State

    async def _state(self, rest: str, query: Query, body: bytes) -> Any:
        store, limit = self._project.store, reading.limit(query, 100)
        after = query.get("after")
        if "group" not in query:
            groups = await store.groups(after=after, limit=limit + 1) if store else []
            page = [GroupView(group, keys) for group, keys in groups[:limit]]
            return GroupPage(page, page[-1].group if len(groups) > limit else None)
        group = query["group"]
        if "key" not in query:
            found = await store.entries(group, after=after, limit=limit + 1) if store else []
            entries = [Entry(group, key, value) for key, value in found[:limit]]
            return EntryPage(entries, entries[-1].key if len(found) > limit else None)
        value = await store.entry(group, query["key"]) if store else MISSING
        if value is MISSING:
            raise UnknownKey(f"state `{group}` has no key `{query['key']}`")
        return Entry(group, query["key"], value)

    async def _set(self, rest: str, query: Query, body: bytes) -> Changed:
        entry = decoded(body, Entry)
        await self._write(StateWrite("set", entry.group, entry.key, entry.value))
        return Changed(1)

    async def _forget(self, rest: str, query: Query, body: bytes) -> Changed:
        if "group" not in query:
            raise BadRequest("which `group`?")
        group, key = query["group"], query.get("key")
        store = self._engine.store
        if key is None:
            number = await _keys(store, group)
            await self._write(StateWrite("clear", group))
            return Changed(number)
        number = 0 if await store.entry(group, key) is MISSING else 1
        await self._write(StateWrite("delete", group, key))
        return Changed(number)

    async def _write(self, write: StateWrite) -> None:
        await self._engine.store.submit(Unit(writes=[write]))

    @property
    def _engine(self) -> Engine:
        return self._project.running


async def _keys(store: Reads, group: str) -> int:
    number, after = 0, None
    while page := await store.entries(group, after=after, limit=1_000):
        number, after = number + len(page), page[-1][0]
    return number


def dead_view(dead: DeadLetter) -> DeadView:
    return DeadView(
        id=show("delivery", dead.delivery_id),
        run=show("run", dead.run_id),
        step=dead.step,
        topic=dead.topic,
        kind=dead.kind,
        attempts=dead.attempts,
        dead_at=rfc3339(dead.dead_at_us),
        error=msgspec.json.decode(dead.error),
        stderr=dead.stderr,
        data=msgspec.json.decode(dead.message),
    )
