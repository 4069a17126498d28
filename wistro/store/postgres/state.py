"""State under concurrent engines: every key that a group touches is locked in order of key, then worked out, then written.

A key that is not there is locked by a row of its own, empty until the group's end: else two engines could both count
from nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from psycopg import AsyncConnection

from wistro.store.port import StateWrite
from wistro.store.postgres.arrays import Blobs, Texts
from wistro.store.postgres.statements import Batch
from wistro.store.state import MISSING, settle

LOCK = (
    "INSERT INTO state SELECT *, ''::bytea FROM unnest(%s, %s)"
    ' ON CONFLICT ("group", key) DO UPDATE SET value = state.value WHERE false'
)
READ = (
    'SELECT s."group", s.key, s.value FROM unnest(%s, %s) AS wanted ("group", key)'
    ' JOIN state s ON s."group" = wanted."group" AND s.key = wanted.key'
)
KEYS = 'SELECT "group", key FROM state WHERE "group" = ANY(%s)'
SET = (
    "INSERT INTO state SELECT * FROM unnest(%s, %s, %s)"
    ' ON CONFLICT ("group", key) DO UPDATE SET value = excluded.value'
)
DELETE = (
    'DELETE FROM state s USING unnest(%s, %s) AS gone ("group", key)'
    ' WHERE s."group" = gone."group" AND s.key = gone.key'
)

Place = tuple[str, str]


class StateOfGroup:
    """The keys that one group touches: their values as they are locked, then as its units leave them."""

    def __init__(self, writes: list[StateWrite]) -> None:
        self._values: dict[Place, Any] = {}
        self._changed: set[Place] = set()
        self._places = {(one.group, one.key) for one in writes if one.op != "clear"}
        self._cleared = {one.group for one in writes if one.op == "clear"}
        self.is_plain = all(
            one.op == "set" and one.if_version is None for one in writes
        )  # nothing is read, so nothing is locked first

    async def lock(self, connection: AsyncConnection) -> None:
        """In a transaction that is open. A key that comes into a cleared group later is as if set after it."""
        if self._cleared:
            cursor = await connection.execute(KEYS, [Texts(sorted(self._cleared))])
            self._places |= {(group, key) for group, key in await cursor.fetchall()}
        if not self._places:
            return
        groups, keys = _columns(sorted(self._places))
        await connection.execute(LOCK, [groups, keys])
        cursor = await connection.execute(READ, [groups, keys])
        for group, key, value in await cursor.fetchall():
            if value:
                self._values[group, key] = msgspec.json.decode(value)
            else:
                self._changed.add((group, key))  # our own row: it is written or leaves again

    def apply(self, writes: list[StateWrite]) -> Callable[[], None]:
        """Work out one unit's writes. Returns what takes them back. Raises BadStateOperation, with nothing changed."""
        settled = settle(writes, read=self._read)
        for _, _, value in settled:
            if value is not MISSING:
                msgspec.json.encode(value)  # a text that cannot be kept refuses this unit alone
        undo: list[tuple[Place, Any, bool]] = []
        for group, key, value in settled:
            if key is None:
                for place in [one for one in self._places if one[0] == group]:
                    undo.append(self._change(place, MISSING))
            else:
                undo.append(self._change((group, key), value))
        return lambda: self._take_back(undo)

    def batches(self) -> list[Batch]:
        kept = sorted(place for place in self._changed if place in self._values)
        gone = sorted(place for place in self._changed if place not in self._values)
        found: list[Batch] = []
        if kept:
            values = Blobs([msgspec.json.encode(self._values[place]) for place in kept])
            found.append(Batch(SET, [*_columns(kept), values]))
        if gone:
            found.append(Batch(DELETE, list(_columns(gone))))
        return found

    def _read(self, group: str, key: str) -> Any:
        return self._values.get((group, key), MISSING)

    def _change(self, place: Place, value: Any) -> tuple[Place, Any, bool]:
        before = (place, self._values.get(place, MISSING), place in self._changed)
        self._changed.add(place)
        if value is MISSING:
            self._values.pop(place, None)
        else:
            self._values[place] = value
        return before

    def _take_back(self, undo: list[tuple[Place, Any, bool]]) -> None:
        for place, value, was_changed in reversed(undo):
            self._change(place, value)
            if not was_changed:
                self._changed.discard(place)


def check(writes: list[StateWrite]) -> None:
    """Raises ValueError for a group or key that PostgreSQL keeps in no text."""
    for one in writes:
        if b"\0" in f"{one.group}{one.key}".encode():
            raise ValueError("a state's group and key hold no zero byte")


def _columns(places: list[Place]) -> tuple[Texts, Texts]:
    return Texts([group for group, _ in places]), Texts([key for _, key in places])
