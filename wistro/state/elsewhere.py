"""The store, with state kept by an adapter in its place.

An attempt's state writes are committed with it, as one entry of an outbox that is a group of the store's own state. A
task takes them to the adapter in their order, and then out of the outbox: at least once, and once for adapters that
know how far they came. What this engine committed is seen by its own reads: they wait until it is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from wistro.state.port import StateAdapter, StateUnreachable, StateUnreadable
from wistro.store.port import (
    BadStateOperation,
    Chunk,
    NoVersions,
    Reads,
    StateWrite,
    Store,
    StoreBroken,
    StoreFull,
    Unit,
)
from wistro.store.state import MISSING

log = logging.getLogger("wistro.state")

OUTBOX = ".wistro/state-outbox"
PORTION = 200
LOOK_EVERY_S = 5.0  # for what another engine of this store left
AGAIN_S, AGAIN_CAP_S = 0.05, 5.0
READ_WAIT_S = 10.0
DRAIN_S = 5.0


class StateElsewhere:
    """Implements `Store` over another one. Until `use`, and with no adapter, it is that one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._adapter: StateAdapter | None = None
        self._spec: object = None
        self._is_begun = False
        self._number = 0  # of the last unit with writes that was submitted
        self._reached = 0  # of the last that is on disk
        self._applied = 0  # of the last that the adapter has
        self._last: dict[str, int] = {}  # group -> the last number that touches it
        self._wake = asyncio.Event()
        self._moved = asyncio.Event()
        self._carrying = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._trouble = ""
        self._in_store()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def start(
        self, *, on_chunk: Callable[[Chunk], None], on_broken: Callable[[StoreBroken], None]
    ) -> None:
        await self._store.start(on_chunk=on_chunk, on_broken=on_broken)

    async def use(self, spec: object, made: Callable[[], StateAdapter | None]) -> None:
        """Keep state where `made` says from now on; the same `spec` again changes nothing.

        Raises StateUnreachable, and leaves all as it was: the new place does not answer, or the old one lacks what was
        committed.
        """
        if self._is_begun and spec == self._spec:
            return
        adapter = made()
        try:
            if adapter is not None:
                await adapter.start()
            await self._until(self._reached, DRAIN_S)
        except StateUnreachable:
            if adapter is not None:
                await adapter.close()
            raise
        await self._stop()
        self._adapter, self._spec, self._is_begun = adapter, spec, True
        if adapter is None:
            self._in_store()
            await self._take_in()
        else:
            self._outside()
            self._wake.set()
            self._task = asyncio.get_running_loop().create_task(self._carry(adapter))

    async def close(self) -> None:
        if self._adapter is not None:
            with contextlib.suppress(StateUnreachable):  # the next boot takes the rest there
                await self._until(self._reached, DRAIN_S)
        await self._stop()
        await self._store.close()

    # Asked by attempts and by commands

    def _in_store(self) -> None:
        """Straight to the store: this is asked for every attempt."""
        store = self._store
        self.has_versions = store.has_versions
        self.submit, self.get, self.list = store.submit, store.get, store.list
        self.entry, self.entries, self.groups = store.entry, store.entries, store.groups
        self.line, self.claim = store.line, store.claim
        self.next_run_seq, self.next_delivery_seq = store.next_run_seq, store.next_delivery_seq

    def _outside(self) -> None:
        self.has_versions = False  # another program may write there while a commit is on its way
        self.submit, self.get, self.list = self._submit, self._get, self._list
        self.entry, self.entries, self.groups = self._entry, self._entries, self._groups

    def _submit(
        self, unit: Unit, *, then: Callable[[], None] | None = None
    ) -> asyncio.Future[None]:
        if not unit.writes:
            return self._store.submit(unit, then=then)
        if any(write.if_version is not None for write in unit.writes):
            refused: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            refused.set_exception(NoVersions())
            return refused
        self._number += 1
        number, groups = self._number, {write.group for write in unit.writes}
        told = [[write.op, write.group, write.key, write.value] for write in unit.writes]
        kept = StateWrite("set", OUTBOX, f"{self._store.stream}/{number:012}", told)

        def committed() -> None:
            self._reached = number
            self._last.update(dict.fromkeys(groups, number))
            self._wake.set()
            if then is not None:
                then()

        changed = msgspec.structs.replace(unit, writes=[kept])
        return self._store.submit(changed, then=committed)

    async def _get(self, group: str, key: str) -> Any:
        value = await self._entry(group, key)
        return None if value is MISSING else value

    async def _list(self, group: str) -> list[list[Any]]:
        return [[key, value] for key, value in await self._entries(group, limit=None)]

    async def _entry(self, group: str, key: str) -> Any:
        await self._there(group)
        return await self._used.entry(group, key)

    async def _entries(
        self, group: str, *, after: str | None = None, limit: int | None = 100
    ) -> list[tuple[str, Any]]:
        await self._there(group)
        return await self._used.entries(group, after=after, limit=limit)

    async def _groups(self, *, after: str | None = None, limit: int = 100) -> list[tuple[str, int]]:
        await self._until(self._reached, READ_WAIT_S)
        return await self._used.groups(after=after, limit=limit)

    @property
    def _used(self) -> StateAdapter:
        assert self._adapter is not None
        return self._adapter

    async def _there(self, group: str) -> None:
        """Returns when the adapter has what this engine committed of the group."""
        last = self._last.get(group, 0)
        if last > self._applied:
            await self._until(last, READ_WAIT_S)

    async def _until(self, number: int, wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                while self._applied < number:
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError as error:
            why = f": {self._trouble}" if self._trouble else ""
            raise StateUnreachable(f"what was committed is not in the state yet{why}") from error

    # Taking it there

    async def _carry(self, adapter: StateAdapter) -> None:
        again_s = AGAIN_S
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self._carry_all(adapter)
                if self._trouble:
                    log.warning("the state in %s is up to date again", adapter.name)
                self._trouble, again_s = "", AGAIN_S
            except (StateUnreachable, StateUnreadable) as error:
                self._say(error.message)
            except StoreFull as error:
                self._say(str(error))
            except StoreBroken:
                return
            if self._trouble:
                self._wake.set()
                await asyncio.sleep(again_s)
                again_s = min(again_s * 2, AGAIN_CAP_S)

    async def _carry_all(self, adapter: StateAdapter) -> None:
        while True:
            reached = self._reached
            kept = await self._store.entries(OUTBOX, limit=PORTION)
            done: list[StateWrite] = []
            try:
                for key, told in kept:
                    await self._carry_one(adapter, key, told)
                    done.append(StateWrite("delete", OUTBOX, key))
            finally:
                if done:
                    await self._store.submit(Unit(writes=done))
            if len(kept) < PORTION:
                self._came_to(reached)
                return

    async def _carry_one(self, adapter: StateAdapter, key: str, told: Any) -> None:
        stream, _, number = key.rpartition("/")
        async with self._carrying:
            refused = await adapter.apply(stream, int(number), _writes(told))
        for why in refused:
            log.error("a write of the state was dropped: %s", why)
        if stream == self._store.stream:
            self._came_to(int(number))

    def _came_to(self, number: int) -> None:
        self._applied = max(self._applied, number)
        if self._applied == self._reached:
            self._last.clear()
        self._moved.set()

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            log.warning("state waits in the store: %s", trouble)

    async def _stop(self) -> None:
        if self._task is not None:
            async with (
                self._carrying
            ):  # not half-way: its thread or its answer would come after the end
                self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self._adapter is not None:
            await self._adapter.close()
            self._adapter = None

    async def _take_in(self) -> None:
        """What was left for another place is kept in the store itself from now on."""
        await self._store.submit(Unit())  # after what was on its way to the disk
        while kept := await self._store.entries(OUTBOX, limit=PORTION):
            for key, told in kept:
                done = StateWrite("delete", OUTBOX, key)
                try:
                    await self._store.submit(Unit(writes=[*_writes(told), done]))
                except BadStateOperation as error:
                    log.error("writes of the state were dropped: %s", error.message)
                    await self._store.submit(Unit(writes=[done]))


class ReadsElsewhere:
    """What may be read where no engine runs: state from its adapter, all else from the store."""

    def __init__(self, store: Reads, adapter: StateAdapter) -> None:
        self._store = store
        self.entry, self.entries, self.groups = adapter.entry, adapter.entries, adapter.groups

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def _writes(told: Any) -> Sequence[StateWrite]:
    return [StateWrite(*one) for one in told]
