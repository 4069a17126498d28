"""What places outside of the store promise: at least once in order, nothing twice, nothing lost while they are away."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from typing import Any, cast

import pytest

from tests.conformance.state.cases import increments, sets
from tests.conformance.state.conftest import Place
from tests.conformance.state.test_state import commit, everything, told
from wistro.state import elsewhere as module
from wistro.state.elsewhere import OUTBOX
from wistro.state.files import FilesState
from wistro.state.port import StateAdapter, StateUnreachable, StateUnreadable
from wistro.store.port import StateWrite


class Away:
    """An adapter that is not reached for some calls: before it has applied anything, or after it has, unheard."""

    def __init__(self, real: StateAdapter, *, fails: float = 1.0, seed: int = 1) -> None:
        self._real = real
        self._random = random.Random(seed)
        self.fails = fails
        self.applied = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def apply(self, stream: str, number: int, writes: Sequence[StateWrite]) -> list[str]:
        if self._random.random() < self.fails / 2:
            raise StateUnreachable("away before")
        refused = await self._real.apply(stream, number, writes)
        if self._random.random() < self.fails / 2:
            raise StateUnreachable("away after")
        self.applied.set()
        return refused


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AGAIN_S": 0.001, "AGAIN_CAP_S": 0.002, "DRAIN_S": 0.05}.items():
        monkeypatch.setattr(module, name, value)


def away(place: Place, *, fails: float) -> Any:
    return Away(cast(StateAdapter, place.adapter()), fails=fails)


async def test_nothing_is_lost_or_applied_twice_while_it_comes_and_goes(elsewhere: Place) -> None:
    store = await elsewhere.open(away(elsewhere, fails=0.6))

    for number in range(60):
        await commit(store, [increments("g", "n"), StateWrite("append", "g", "order", number)])

    assert await told(store.get("g", "n")) == 60
    assert await told(store.get("g", "order")) == list(range(60))


async def test_what_is_committed_while_it_is_away_is_there_after_a_restart(
    elsewhere: Place,
) -> None:
    store = await elsewhere.open(away(elsewhere, fails=2.0))
    for number in range(5):
        await commit(store, [increments("g", "n"), sets("g", "last", number)])
    await store.close()
    elsewhere.boots.clear()

    store = await elsewhere.open()
    await commit(store, [increments("g", "n")])

    assert await everything(store) == {"g": {"last": 4, "n": 6}}


async def test_what_was_applied_and_not_noted_is_not_applied_by_the_next_boot(
    elsewhere: Place,
) -> None:
    store = await elsewhere.open(away(elsewhere, fails=2.0))
    await commit(store, [increments("g", "n")])
    ((key, writes),) = await store._store.entries(OUTBOX)
    await store.close()
    elsewhere.boots.clear()
    stream, _, number = key.rpartition("/")
    real = cast(StateAdapter, elsewhere.adapter())
    await real.start()
    await real.apply(stream, int(number), [StateWrite(*one) for one in writes])
    await real.close()

    store = await elsewhere.open()
    await commit(store, [sets("g", "after", 1)])

    assert await everything(store) == {"g": {"after": 1, "n": 1}}
    await store._carry_all(store._used)
    assert await store._store.entries(OUTBOX) == []


async def test_a_read_waits_for_what_was_committed_and_says_when_it_does_not_come(
    elsewhere: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_WAIT_S", 0.05)
    adapter = away(elsewhere, fails=2.0)
    store = await elsewhere.open(adapter)
    await commit(store, [sets("g", "k", 1)])

    with pytest.raises(StateUnreachable, match="away before"):
        await told(store.get("g", "k"))
    assert await told(store.get("untouched", "k")) is None
    adapter.fails = 0.0
    monkeypatch.setattr(module, "READ_WAIT_S", 10.0)
    assert await told(store.get("g", "k")) == 1


async def test_state_moves_to_another_place_only_once_the_old_one_has_all_of_it(
    elsewhere: Place,
) -> None:
    adapter = away(elsewhere, fails=2.0)
    store = await elsewhere.open(adapter)
    await commit(store, [increments("g", "n")])

    with pytest.raises(StateUnreachable):
        await store.use(None, lambda: None)
    adapter.fails = 0.0
    await commit(store, [increments("g", "n")])
    assert await told(store.get("g", "n")) == 2
    await store.use(None, lambda: None)
    await commit(store, [sets("g", "here", 1)])

    assert await everything(store) == {"g": {"here": 1}}


async def test_what_was_left_for_a_place_that_is_used_no_more_is_kept_in_the_store(
    elsewhere: Place,
) -> None:
    store = await elsewhere.open(away(elsewhere, fails=2.0))
    await commit(store, [sets("g", "t", "text"), increments("g", "n")])
    await commit(store, [increments("g", "t")])
    await store.close()
    elsewhere.boots.clear()

    elsewhere.kind = "store on sqlite"
    store = await elsewhere.open()

    assert await everything(store) == {"g": {"n": 1, "t": "text"}}


async def test_a_place_that_does_not_answer_is_not_moved_to(elsewhere: Place) -> None:
    class Dead:
        async def start(self) -> None:
            raise StateUnreachable("nobody is there")

        async def close(self) -> None: ...

    store = await elsewhere.open()
    await commit(store, [sets("g", "k", 1)])

    with pytest.raises(StateUnreachable, match="nobody is there"):
        await store.use("dead", lambda: cast(StateAdapter, Dead()))

    assert await told(store.get("g", "k")) == 1


@pytest.mark.parametrize("outside", ["redis"], indirect=True)
async def test_an_update_of_somebody_else_between_ours_is_not_lost(elsewhere: Place) -> None:
    store = await elsewhere.open()
    hash_of = f"{elsewhere.prefix}:state:g"

    def theirs() -> None:
        with elsewhere.redis() as client:
            for _ in range(50):
                client.transaction(
                    lambda pipe: _add_one(pipe, hash_of), hash_of, value_from_callable=True
                )

    await asyncio.gather(
        asyncio.to_thread(theirs), *(commit(store, [increments("g", "n")]) for _ in range(50))
    )

    assert await told(store.get("g", "n")) == 100


def _add_one(pipe: Any, hash_of: str) -> None:
    now = json.loads(pipe.hget(hash_of, "n") or "0")
    pipe.multi()
    pipe.hset(hash_of, "n", json.dumps(now + 1))


@pytest.mark.parametrize("outside", ["files"], indirect=True)
async def test_files_are_for_people_to_read_and_to_mend(elsewhere: Place) -> None:
    store = await elsewhere.open()
    await commit(store, [sets("payments", "tea", {"paid": True, "by": "Åsa"})])
    await told(store.get("payments", "tea"))
    path = elsewhere.path / "state" / "payments" / "tea.json"

    assert path.read_text("utf-8") == '{\n  "paid": true,\n  "by": "Åsa"\n}\n'
    path.write_text("7")
    assert await told(store.get("payments", "tea")) == 7
    path.write_text("{broken")
    with pytest.raises(StateUnreadable, match=r"tea\.json is no JSON"):
        await told(store.get("payments", "tea"))


@pytest.mark.parametrize("outside", ["files"], indirect=True)
async def test_writes_wait_for_a_file_that_was_broken_by_hand_until_it_is_mended(
    elsewhere: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_WAIT_S", 0.05)
    store = await elsewhere.open()
    await commit(store, [sets("g", "n", 1)])
    assert await told(store.get("g", "n")) == 1
    path = elsewhere.path / "state" / "g" / "n.json"
    path.write_text("{broken")
    await commit(store, [increments("g", "n"), sets("g", "after", True)])
    with pytest.raises(StateUnreachable, match=r"n\.json is no JSON"):
        await told(store.get("g", "after"))

    path.write_text("41")

    monkeypatch.setattr(module, "READ_WAIT_S", 10.0)
    assert await told(store.get("g", "after")) is True
    assert await told(store.get("g", "n")) == 42


@pytest.mark.parametrize("outside", ["files"], indirect=True)
async def test_a_commit_that_a_crash_cut_in_two_is_made_whole(elsewhere: Place) -> None:
    folder = elsewhere.path / "state"
    state = FilesState(folder)
    await state.start()
    await state.apply("s", 1, [sets("g", "old", 1)])
    journal = {
        "reached": {"s": 2}, "cleared": ["g"], "kept": [["g", "a", 1], ["h", "b", 2]], "gone": [],
    }  # fmt: skip
    (folder / ".journal").write_text(json.dumps(journal))
    again = FilesState(folder)
    await again.start()
    await again.apply("s", 2, [increments("g", "a", 100)])

    assert await again.entries("g") == [("a", 1)]
    assert await again.entries("h") == [("b", 2)]
