from __future__ import annotations

from tests.factories.attempts import an_attempt
from wistro.protocol.records import AttemptRecord
from wistro.replay.places import by_place, seed


def seeded(*attempts: AttemptRecord) -> dict[tuple[str, str], object]:
    return {(one.group, one.key): one.value for one in seed(attempts)}


def test_a_place_is_the_way_from_the_root() -> None:
    root = an_attempt("src/a")
    child = an_attempt("src/b", of=root, topic="t", ordinal=2, at=5)
    grandchild = an_attempt("src/c", of=child, topic="u", at=9)

    places = list(by_place([grandchild, child, root]))

    assert places == [
        (("src/a", None, 0),),
        (("src/a", None, 0), ("src/b", "t", 2)),
        (("src/a", None, 0), ("src/b", "t", 2), ("src/c", "u", 0)),
    ]


def test_two_that_hear_one_emit_have_places_of_their_own() -> None:
    root = an_attempt("src/a")
    heard = [an_attempt(step, of=root, at=5) for step in ("src/b", "src/c")]

    assert len(by_place([root, *heard])) == 3


def test_one_whose_parent_is_lost_is_a_root() -> None:
    lost = an_attempt("src/a")

    assert list(by_place([an_attempt("src/b", of=lost)])) == [(("src/b", "t", 0),)]


def test_state_starts_with_what_was_read_first() -> None:
    first = an_attempt(at=1, reads=[("get", "g", "k", 1)], writes=[("set", "g", "k", 2)])
    second = an_attempt(at=5, reads=[("get", "g", "k", 2), ("get", "g", "other", 7)])

    assert seeded(first, second) == {("g", "k"): 1, ("g", "other"): 7}


def test_what_the_run_had_written_is_not_seeded() -> None:
    writer = an_attempt(at=1, took=2, writes=[("increment", "g", "k", 1), ("clear", "h", "", None)])
    reader = an_attempt(at=5, reads=[("get", "g", "k", 1), ("get", "h", "k", None)])

    assert seeded(writer, reader) == {}


def test_what_was_read_before_a_write_committed_is_seeded() -> None:
    writer = an_attempt(at=1, took=9, writes=[("set", "g", "k", 2)])
    reader = an_attempt(at=5, reads=[("get", "g", "k", 1)])

    assert seeded(writer, reader) == {("g", "k"): 1}


def test_what_was_absent_stays_absent() -> None:
    first = an_attempt(at=1, reads=[("get", "g", "k", None)])
    second = an_attempt(at=5, reads=[("get", "g", "k", 3)])  # written by another run meanwhile

    assert seeded(first, second) == {}


def test_lists_are_seeded_key_by_key() -> None:
    lists = an_attempt(reads=[("list", "g", "", [["a", 1], ["b", None]])])

    assert seeded(lists) == {("g", "a"): 1}
