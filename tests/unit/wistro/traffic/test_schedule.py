from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wistro.traffic.schedule import Schedule


def drawn(weights, turns):
    schedule = Schedule(weights)
    return [schedule.draw() for _ in range(turns)]


def test_a_hundred_draws_at_25_25_50_are_exactly_25_25_50():
    assert Counter(drawn([2500, 2500, 5000], 100)) == {0: 25, 1: 25, 2: 50}


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=12), st.integers(1, 400))
@settings(max_examples=200)
def test_at_every_prefix_each_count_is_within_one_of_its_share(weights, turns):
    total, counts = sum(weights), [0] * len(weights)

    for turn, candidate in enumerate(drawn(weights, turns), start=1):
        counts[candidate] += 1
        for weight, count in zip(weights, counts, strict=True):
            assert abs(weight * turn - count * total) < total


@given(st.lists(st.integers(1, 60), min_size=1, max_size=8))
def test_a_whole_cycle_gives_each_exactly_its_weight_and_then_repeats(weights):
    total = sum(weights)

    draws = drawn(weights, 2 * total)

    assert [draws[:total].count(one) for one in range(len(weights))] == weights
    assert draws[total:] == draws[:total]


def test_it_stays_exact_over_a_long_time_with_uneven_weights():
    weights = [1, 3333, 6666]

    counts = Counter(drawn(weights, 50_000))

    assert [counts[one] for one in range(3)] == [5, 16_665, 33_330]


def test_many_candidates_each_get_their_turn():
    weights = [50] * 200

    assert sorted(drawn(weights, 200)) == list(range(200))


def test_a_draw_that_is_not_counted_changes_nothing():
    schedule, other = Schedule([1, 2]), Schedule([1, 2])

    draws = []
    for turn in range(30):
        if turn % 3 == 0:
            schedule.peek()
        draws.append(schedule.draw())

    assert draws == [other.draw() for _ in range(30)]


@pytest.mark.parametrize("weights", [[], [0], [5, 0], [-1, 2]])
def test_a_schedule_of_nobody_is_our_own_mistake(weights):
    with pytest.raises(ValueError):
        Schedule(weights)
