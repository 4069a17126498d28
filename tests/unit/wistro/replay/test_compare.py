from __future__ import annotations

from typing import Any

import pytest

from tests.factories.attempts import an_attempt
from wistro.protocol.records import AttemptRecord
from wistro.replay.compare import ABSENT, Difference, differs, first_difference
from wistro.replay.places import by_place


def between(expected: list[AttemptRecord], got: list[AttemptRecord]) -> Difference | None:
    return first_difference(by_place(expected), by_place(got))


@pytest.mark.parametrize(
    ("one", "other", "where"),
    [
        ({"a": 1}, {"a": 1}, None),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, None),
        (1, 1.0, None),
        ({"total": 1}, {"total": 2}, ("$.total", 1, 2)),
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 3}]}}, ("$.a.b[1].c", 2, 3)),
        ({"a": 1}, {}, ("$.a", 1, ABSENT)),
        ({}, {"a": 1}, ("$.a", ABSENT, 1)),
        ({"a": None}, {}, ("$.a", None, ABSENT)),
        ([1], [1, 2], ("$[1]", ABSENT, 2)),
        ([1, 2], [1], ("$[1]", 2, ABSENT)),
        (True, 1, ("$", True, 1)),
        (0, False, ("$", 0, False)),
        ("1", 1, ("$", "1", 1)),
        (None, 0, ("$", None, 0)),
        ({"odd key": 1}, {"odd key": 2}, ("$['odd key']", 1, 2)),
        ({"z": 1, "a": 1}, {"z": 2, "a": 2}, ("$.z", 1, 2)),
    ],
)
def test_the_first_place_in_which_two_values_differ(one: Any, other: Any, where: Any) -> None:
    assert differs(one, other) == where


def test_the_same_attempts_do_not_differ() -> None:
    def run() -> list[AttemptRecord]:
        root = an_attempt(emits=[("t", {"n": 1})], answer={"status": 202})
        return [root, an_attempt("src/b", of=root, at=5, writes=[("set", "g", "k", 1)])]

    assert between(run(), run()) is None


@pytest.mark.parametrize(
    ("expected", "got", "part", "about", "path"),
    [
        (
            an_attempt(emits=[("t", {"n": 1})]),
            an_attempt(emits=[("t", {"n": 2})]),
            "emit",
            "emits `t` otherwise",
            "$.n",
        ),
        (an_attempt(emits=[("t", 1)]), an_attempt(), "emit", "does not emit `t`", "$"),
        (an_attempt(), an_attempt(emits=[("t", 1)]), "emit", "emits `t` besides", "$"),
        (
            an_attempt(emits=[("t", 1), ("u", 1)]),
            an_attempt(emits=[("u", 1)]),
            "emit",
            "does not emit `t`",
            "$",
        ),
        (
            an_attempt(emits=[("u", 1)]),
            an_attempt(emits=[("t", 1), ("u", 1)]),
            "emit",
            "emits `t` besides",
            "$",
        ),
        (
            an_attempt(emits=[("t", 1)]),
            an_attempt(emits=[("u", 1)]),
            "emit",
            "emits `u` instead of `t`",
            "$",
        ),
        (
            an_attempt(writes=[("set", "g", "k", {"n": 1})]),
            an_attempt(writes=[("set", "g", "k", {"n": 2})]),
            "state",
            "writes state `g`/`k` (set) otherwise",
            "$.n",
        ),
        (
            an_attempt(writes=[("set", "g", "k", 1)]),
            an_attempt(),
            "state",
            "does not write state `g`/`k` (set)",
            "$",
        ),
        (
            an_attempt(),
            an_attempt(writes=[("clear", "g", "", None)]),
            "state",
            "writes state `g` (clear) besides",
            "$",
        ),
        (
            an_attempt(writes=[("set", "g", "k", 1)]),
            an_attempt(writes=[("increment", "g", "k", 1)]),
            "state",
            "writes state `g`/`k` (increment) instead of state `g`/`k` (set)",
            "$",
        ),
        (
            an_attempt(answer={"status": 200, "body": {"n": 1}}),
            an_attempt(answer={"status": 200, "body": {"n": 2}}),
            "answer",
            "answers otherwise",
            "$.body.n",
        ),
        (
            an_attempt(),
            an_attempt(error="KeyError"),
            "error",
            "threw KeyError: KeyError happened",
            "$",
        ),
        (an_attempt(error="KeyError"), an_attempt(), "error", "did not throw", "$"),
        (
            an_attempt(error="KeyError"),
            an_attempt(error="ValueError"),
            "error",
            "threw ValueError: ValueError happened",
            "$",
        ),
    ],
)
def test_what_differs_is_named(
    expected: AttemptRecord, got: AttemptRecord, part: str, about: str, path: str
) -> None:
    found = between([expected], [got])

    assert found is not None
    assert (found.part, found.about, found.path) == (part, about, path)


def test_errors_are_compared_by_type_alone() -> None:
    one, other = an_attempt(error="KeyError"), an_attempt(error="KeyError")
    assert one.error and other.error
    other.error.message, other.error.stack = "another", "elsewhere"

    assert between([one], [other]) is None


def test_the_first_in_the_samples_order_is_named() -> None:
    def run(first: int, second: int) -> list[AttemptRecord]:
        root = an_attempt()
        return [
            root,
            an_attempt("src/late", of=root, at=9, ordinal=0, answer=first),
            an_attempt("src/early", of=root, at=5, ordinal=1, answer=second),
        ]

    found = between(run(1, 1), run(2, 2))

    assert found is not None and found.step == "src/early"


def test_a_step_that_was_not_run_is_named() -> None:
    root = an_attempt(emits=[("t", 1)])

    found = between(
        [root, an_attempt("src/b", of=root, at=5, input=1)], [an_attempt(emits=[("t", 1)])]
    )

    assert found is not None
    assert (found.step, found.topic, found.part, found.about) == (
        "src/b",
        "t",
        "run",
        "was not run",
    )


def test_a_retried_delivery_is_told_by_its_last_attempt() -> None:
    first = an_attempt(error="TimedOut", outcome="retrying", delivery_id="d", number=1)
    last = an_attempt(delivery_id="d", number=2, at=50, answer=1)

    assert between([first, last], [an_attempt(answer=1)]) is None
