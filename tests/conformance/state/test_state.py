"""The cases on every place, and what holds while attempts commit at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.conformance.state.cases import CASES, Case, State, increments, sets, sets_if
from tests.conformance.state.conftest import Place
from wistro.state.elsewhere import StateElsewhere
from wistro.store.port import BadStateOperation, StateConflict, StateWrite, Unit
from wistro.store.state import MISSING


async def commit(store: StateElsewhere, writes: list[StateWrite]) -> None:
    await store.submit(Unit(writes=writes))


async def told(value: Any) -> Any:
    """A store at hand answers at once, another lets it be awaited."""
    return await value if hasattr(type(value), "__await__") else value


async def everything(store: StateElsewhere) -> State:
    found: State = {}
    for group, number in await store.groups():
        found[group] = {key: value for key, value in await store.entries(group)}
        assert len(found[group]) == number
    return found


async def test_every_case_comes_to_the_same_in_every_place(place: Place) -> None:
    for case in CASES:
        store = await place.open()
        for group, _ in await store.groups():
            await commit(store, [StateWrite("clear", group)])
        refused = 0
        for writes in case.attempts:
            try:
                await commit(store, writes)
            except BadStateOperation:
                refused += 1

        await compare(store, case, place, refused)
        await store.close()
        place.boots.remove(store)


async def compare(store: StateElsewhere, case: Case, place: Place, refused: int) -> None:
    differs = place.is_elsewhere and case.elsewhere is not None
    wanted = case.elsewhere if differs and case.elsewhere is not None else case.reads
    for group, values in wanted.items():
        listed = await told(store.list(group))
        assert listed == [[key, values[key]] for key in sorted(values)], case.says
        for key, value in values.items():
            assert await told(store.get(group, key)) == value, case.says
            assert await store.entry(group, key) == value, case.says
    assert await everything(store) == wanted, case.says
    assert refused == (case.refused_elsewhere if place.is_elsewhere else case.refused), case.says


async def test_what_is_not_there_is_told_from_a_null(place: Place) -> None:
    store = await place.open()
    await commit(store, [sets("g", "null", None)])

    assert await told(store.get("g", "null")) is None
    assert await told(store.get("g", "nothing")) is None
    assert await store.entry("g", "null") is None
    assert await store.entry("g", "nothing") is MISSING
    assert await told(store.list("nowhere")) == []


async def test_attempts_that_commit_at_once_lose_no_update(place: Place) -> None:
    store = await place.open()
    one = [increments("g", "n"), StateWrite("append", "g", "l", 1)]

    await asyncio.gather(*(commit(store, one) for _ in range(60)))

    assert await told(store.get("g", "n")) == 60
    assert len(await told(store.get("g", "l"))) == 60


async def test_of_attempts_that_read_one_version_at_once_one_is_kept(store_place: Place) -> None:
    """From several engines: the version is looked at in the transaction of the commit."""
    stores = await store_place.open_engines()
    won: list[int] = []

    async def claim(n: int) -> None:
        try:
            await commit(stores[n % len(stores)], [sets_if("g", "k", n, "0"), increments("g", "n")])
        except StateConflict:
            return
        won.append(n)

    await asyncio.gather(*(claim(n) for n in range(1, 40)))

    assert len(won) == 1
    assert await everything(stores[0]) == {"g": {"k": won[0], "n": 1}}


async def test_the_next_read_sees_what_was_committed_before_it(place: Place) -> None:
    store = await place.open()

    for number in range(40):
        await commit(store, [sets("g", "k", number)])
        assert await told(store.get("g", "k")) == number


async def test_it_is_there_at_the_next_boot(place: Place) -> None:
    store = await place.open()
    await commit(store, [sets("g", "k", 1), increments("g", "n")])
    await store.close()
    place.boots.clear()
    store = await place.open()
    await commit(store, [increments("g", "n")])

    assert await everything(store) == {"g": {"k": 1, "n": 2}}


async def test_keys_and_groups_come_in_pages(place: Place) -> None:
    store = await place.open()
    await commit(store, [sets(f"g{n}", f"k{m}", m) for n in range(3) for m in range(5)])

    assert await store.groups(limit=2) == [("g0", 5), ("g1", 5)]
    assert await store.groups(after="g1", limit=2) == [("g2", 5)]
    assert await store.entries("g1", limit=2) == [("k0", 0), ("k1", 1)]
    assert await store.entries("g1", after="k3", limit=2) == [("k4", 4)]


async def test_a_text_that_no_store_keeps_is_refused_before_anything_is_kept(place: Place) -> None:
    store = await place.open()

    with pytest.raises((ValueError, TypeError)):
        await commit(store, [sets("g", "k", "\ud800"), sets("g", "other", 1)])
    await commit(store, [sets("g", "after", 1)])

    assert await everything(store) == {"g": {"after": 1}}
