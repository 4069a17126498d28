from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wistro.http.paths import (
    NOT_FOUND,
    Match,
    MethodNotAllowed,
    PathTable,
    SamePath,
    UnreadableTarget,
    split_target,
)

TABLE = PathTable(
    [
        ("GET", "/", "root"),
        ("GET", "/orders/new", "form"),
        ("GET", "/orders/:id", "order"),
        ("POST", "/orders/:shop", "create"),
        ("GET", "/orders/:id/items/:item", "item"),
        ("GET", "/orders/special/:x/end", "special"),
        ("DELETE", "/only/deleted", "deleted"),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "value", "params"),
    [
        ("GET", "/", "root", {}),
        ("GET", "/orders/new", "form", {}),
        ("GET", "/orders/7", "order", {"id": "7"}),
        ("POST", "/orders/new", "create", {"shop": "new"}),
        ("GET", "/orders/7/items/a b", "item", {"id": "7", "item": "a b"}),
        ("GET", "/orders/special/items/9", "item", {"id": "special", "item": "9"}),
        ("GET", "/orders/special/x/end", "special", {"x": "x"}),
        ("GET", "/orders/new/", "form", {}),
        ("HEAD", "/orders/7", "order", {"id": "7"}),
    ],
)
def test_a_path_finds_its_endpoint_and_literal_segments_come_first(method, path, value, params):
    assert TABLE.match(method, path) == Match(value, params)


@pytest.mark.parametrize("path", ["", "/nothing", "/orders", "/orders//", "/orders/7/items", "///"])
def test_a_path_that_no_endpoint_has_is_not_found(path):
    assert TABLE.match("GET", path) is NOT_FOUND


def test_a_known_path_with_another_method_says_which_are_allowed():
    assert TABLE.match("PUT", "/orders/new") == MethodNotAllowed(["GET", "HEAD", "POST"])
    assert TABLE.match("OPTIONS", "/only/deleted") == MethodNotAllowed(["DELETE"])
    assert TABLE.match("HEAD", "/only/deleted") == MethodNotAllowed(["DELETE"])


def test_two_endpoints_that_differ_in_parameter_names_only_are_refused():
    with pytest.raises(SamePath):
        PathTable([("GET", "/a/:x", 1), ("get", "/a/:y/", 2)])


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/a?b=c?d", "/a", "b=c?d"),
        ("/a%20b/%C3%A9?x=%20", "/a b/é", "x=%20"),
        ("/orders%2Fadmin", "/orders/admin", ""),
        ("/100%25", "/100%", ""),
    ],
)
def test_a_target_is_decoded_once_and_its_query_is_left_alone(target, path, query):
    assert split_target(target) == (path, query)


@pytest.mark.parametrize(
    "target", ["*", "http://a/b", "a", "", "/a%00", "/%ff", "/a%0d%0a", "/a#b"]
)
def test_a_target_that_is_no_path_is_refused(target):
    with pytest.raises(UnreadableTarget):
        split_target(target)


SEGMENT = st.sampled_from(["a", "b", ":p", ":q"])


@given(
    st.lists(st.lists(SEGMENT, min_size=1, max_size=4), max_size=8),
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4),
)
def test_the_match_is_the_first_in_literal_before_parameter_order(paths, asked):
    unique = {
        tuple(":" if one.startswith(":") else one for one in path): "/" + "/".join(path)
        for path in paths
    }
    table = PathTable([("GET", path, shape) for shape, path in unique.items()])

    fitting = [
        shape
        for shape in unique
        if len(shape) == len(asked)
        and all(one in (":", segment) for one, segment in zip(shape, asked, strict=True))
    ]
    found = table.match("GET", "/" + "/".join(asked))

    # Position by position, a literal beats a parameter: the first in this order.
    best = min(fitting, key=lambda shape: [one == ":" for one in shape], default=None)
    assert (found.value if isinstance(found, Match) else None) == best
