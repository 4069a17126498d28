"""`27=25%`: which deployments are meant, and what becomes of the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wistro.hub_client import weighing
from wistro.hub_client.shapes import Change, Gateways, Traffic, TrafficDeployment
from wistro.traffic.weights import WHOLE, UnknownVersion, WeightsSum


def a_traffic(*deployments, history=()):
    return Traffic(
        generation=1,
        holds=True,
        deployments=[TrafficDeployment(*one) for one in deployments],
        gateways=Gateways(1, 1),
        address="",
        history=list(history),
    )


def without_zeros(weights):
    return {id: weight for id, weight in weights.items() if weight}


def test_a_share_goes_to_the_newest_deployment_and_takes_from_the_others():
    traffic = a_traffic(
        ("dep_1", 27, "healthy", 4000), ("dep_3", 27, "healthy", 0), ("dep_2", 26, "healthy", 6000)
    )

    assert without_zeros(weighing.changed(traffic, ["27=50%"])) == {
        "dep_3": 5000,
        "dep_1": 2000,
        "dep_2": 3000,
    }


def test_a_successor_that_is_still_starting_is_not_meant_yet():
    traffic = a_traffic(
        ("dep_1", 27, "healthy", 2000), ("dep_2", 26, "healthy", 8000), ("dep_3", 27, "starting", 0)
    )

    assert without_zeros(weighing.changed(traffic, ["27=50%"])) == {"dep_1": 5000, "dep_2": 5000}


def test_a_version_whose_deployments_have_ended_is_not_there():
    traffic = a_traffic(("dep_1", 27, "healthy", WHOLE), ("dep_2", 28, "failed", 0))

    with pytest.raises(UnknownVersion):
        weighing.changed(traffic, ["28=10%"])


def test_a_full_list_must_add_up():
    traffic = a_traffic(("dep_1", 27, "healthy", WHOLE), ("dep_2", 28, "healthy", 0))

    with pytest.raises(WeightsSum):
        weighing.changed(traffic, ["27=50%", "28=40%"])


@given(st.lists(st.integers(1, 900), min_size=2, max_size=8), st.integers(0, WHOLE))
def test_whatever_is_set_adds_up_to_the_whole(others, share):
    rest = WHOLE - sum(others)
    weights = [*others, rest]
    traffic = a_traffic(
        *((f"dep_{n}", n, "healthy", weight) for n, weight in enumerate(weights, 1)),
        ("dep_99", 99, "healthy", 0),
    )

    after = weighing.changed(traffic, [f"99={share}"])

    assert sum(after.values()) == WHOLE
    assert after["dep_99"] == share


def test_going_back_skips_what_changed_no_weight():
    past = [
        Change(3, "", {"28": WHOLE}, why="released"),
        Change(2, "", {"28": WHOLE}),
        Change(1, "", {"27": 2500, "28": 7500}),
    ]
    traffic = a_traffic(("dep_1", 27, "healthy", 0), ("dep_2", 28, "healthy", WHOLE), history=past)

    assert weighing.before(traffic) == {"dep_1": 2500, "dep_2": 7500}


def test_going_back_to_what_was_stopped_is_refused():
    past = [Change(2, "", {"28": WHOLE}), Change(1, "", {"27": WHOLE})]
    traffic = a_traffic(("dep_2", 28, "healthy", WHOLE), history=past)

    with pytest.raises(weighing.NotRunningAnyMore):
        weighing.before(traffic)
