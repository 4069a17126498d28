from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wistro.traffic.weights import (
    WHOLE,
    BadWeight,
    UnknownVersion,
    WeightsSum,
    adjust,
    check,
    parse,
    parse_change,
    percent,
)


@pytest.mark.parametrize(
    ("text", "points"),
    [("25%", 2500), ("33.3%", 3330), (" 0.01 %", 1), ("2500", 2500), ("0", 0), ("100%", 10_000)],
)
def test_a_weight_is_read_in_percent_or_basis_points(text, points):
    assert parse(text) == points


@pytest.mark.parametrize(
    "text", ["", "%", "a", "-5%", "101%", "10001", "33.333%", "1e3", "25%%", "٢٥%", "NaN", "0.001%"]
)
def test_what_is_no_weight_is_refused(text):
    with pytest.raises(BadWeight):
        parse(text)


def test_a_change_names_a_version_with_or_without_v():
    assert parse_change("27=25%") == ("27", 2500)
    assert parse_change("v27=2500") == ("27", 2500)


@pytest.mark.parametrize("text", ["27", "=25%", "27=", "27=v"])
def test_a_change_without_a_version_or_a_weight_is_refused(text):
    with pytest.raises(BadWeight):
        parse_change(text)


def test_weights_that_do_not_add_up_say_to_what_they_do():
    with pytest.raises(WeightsSum, match=r"add up to 99\.9 %, not 100 %") as caught:
        check({"1": 2500, "2": 7490})
    assert (caught.value.code, caught.value.status) == ("traffic.sum", 422)


@pytest.mark.parametrize("weight", [-1, 10_001, 2.5, True, "2500", None])
def test_a_weight_that_is_no_whole_share_is_named(weight):
    with pytest.raises(BadWeight) as caught:
        check({"1": weight, "2": 10_000})
    assert list(caught.value.fields) == ["1"]


def test_the_others_shrink_in_proportion():
    assert adjust("27=25%", {"25": 6000, "26": 4000, "27": 0}) == {
        "25": 4500,
        "26": 3000,
        "27": 2500,
    }


def test_odd_points_go_to_the_largest_remainders():
    assert adjust("4=1", {"1": 3334, "2": 3333, "3": 3333, "4": 0}) == {
        "1": 3333,  # its .6666 of a point is the smallest remainder
        "2": 3333,
        "3": 3333,
        "4": 1,
    }


def test_several_changes_at_once_may_be_the_full_list():
    assert adjust(["1=25%", "2=25%", "3=50%"], {"1": 10_000, "2": 0, "3": 0, "9": 0}) == {
        "1": 2500,
        "2": 2500,
        "3": 5000,
        "9": 0,
    }


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ("9=25%", UnknownVersion),
        (["1=60%", "2=60%"], WeightsSum),
        (["1=20%", "2=20%"], WeightsSum),
        (["1=20%", "1=30%"], BadWeight),
        ("1=ten", BadWeight),
    ],
)
def test_a_change_that_cannot_be_is_refused(changes, error):
    with pytest.raises(error):
        adjust(changes, {"1": 5000, "2": 5000})


def test_the_only_serving_version_cannot_shrink_for_nobody():
    with pytest.raises(WeightsSum, match="no other version serves"):
        adjust("1=50%", {"1": 10_000, "2": 0})


@given(st.data())
def test_the_outcome_adds_up_and_the_others_keep_their_proportion_within_a_point(data):
    raw = data.draw(st.lists(st.integers(1, 1000), min_size=2, max_size=8))
    total = sum(raw)
    current = {str(n): WHOLE * weight // total for n, weight in enumerate(raw)}
    current["0"] += WHOLE - sum(current.values())
    points = data.draw(st.integers(0, WHOLE))

    after = adjust(f"0={points}", current)

    check(after)
    assert after["0"] == points
    rest = WHOLE - current["0"]
    for version in set(current) - {"0"}:
        assert abs(after[version] * rest - current[version] * (WHOLE - points)) < rest


@pytest.mark.parametrize(
    ("points", "shown"),
    [(2500, "25 %"), (3330, "33.3 %"), (1, "0.01 %"), (10_000, "100 %"), (0, "0 %")],
)
def test_a_weight_is_shown_in_percent(points, shown):
    assert percent(points) == shown
