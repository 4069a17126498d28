from __future__ import annotations

import contextlib
import json
from pathlib import Path
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wistro.protocol.ids import PREFIXES, NewIds, UnreadableId, new_id, read, show, uuid7

GOLDEN = json.loads(
    (Path(__file__).parents[3] / "golden" / "protocol" / "ids.json").read_text(encoding="utf-8")
)
KINDS = st.sampled_from(sorted(PREFIXES))


@pytest.mark.parametrize("golden", GOLDEN["shown"], ids=lambda one: one["shown"])
def test_an_id_is_shown_and_read_as_its_golden_text(golden):
    assert show(golden["kind"], golden["uuid"]) == golden["shown"]
    assert read(golden["kind"], golden["shown"]) == UUID(golden["uuid"])


@pytest.mark.parametrize("golden", GOLDEN["made"])
def test_an_id_is_made_of_its_time_and_random_bytes_alone(golden):
    made = uuid7(now_ms=golden["now_ms"], random=bytes.fromhex(golden["random_hex"]))

    assert str(made) == golden["uuid"]


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_an_id_is_a_uuid_of_version_7_that_begins_with_its_time(now_ms, random):
    made = uuid7(now_ms=now_ms, random=random)

    assert (made.version, made.variant, made.int >> 80) == (7, RFC_4122, now_ms)


@given(KINDS, st.uuids())
def test_what_is_shown_is_read_back_in_any_case_and_as_a_plain_uuid(kind, id):
    assert read(kind, show(kind, id)) == id
    assert read(kind, f" {show(kind, id).upper()} ") == id
    assert read(kind, str(id)) == id


@given(st.lists(st.integers(0, 2**48 - 1), min_size=2, max_size=2, unique=True))
def test_shown_ids_sort_by_time(times):
    earlier, later = (show("run", uuid7(now_ms=one, random=bytes(10))) for one in sorted(times))

    assert earlier < later


def test_letters_that_are_misread_are_understood():
    text = show("run", UUID(int=(1 << 64) | 1))

    assert read("run", text.replace("1", "l").replace("run_0", "run_o")) == UUID(int=(1 << 64) | 1)


@pytest.mark.parametrize(
    "text",
    [
        *("", "run_", "run_01", "nonsense", "ab" * 16 + "z"),
        *("dep_01jbja0000e008000000000051", "run_run_01jbja0000e008000000000051"),
        *("run_" + "u" * 26, "run_" + "z" * 26, "run_" + "0" * 27),
    ],
)
def test_what_is_no_id_of_the_kind_is_an_error(text):
    with pytest.raises(UnreadableId):
        read("run", text)


@given(st.text(max_size=40))
def test_any_text_is_an_id_or_an_error(text):
    with contextlib.suppress(UnreadableId):
        assert isinstance(read("run", text), UUID)


def test_new_ids_differ():
    assert new_id() != new_id()


def test_ids_whose_randomness_was_read_in_advance_are_as_new() -> None:
    new = NewIds()

    made = [new() for _ in range(1_000)]  # more than one reading gives

    assert len(set(made)) == len(made)
    assert {(one.version, one.variant) for one in made} == {(7, RFC_4122)}
    assert made[0].int >> 80 <= made[-1].int >> 80
