"""What state comes to, wherever it is kept: attempts that commit one after the other, and what is read then.

Every place gives the same, but for a write that does not fit its value: the store refuses the attempt (`in_store`),
another place drops that write alone when it is taken there (`elsewhere`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wistro.store.port import StateWrite
from wistro.store.state import version_of

State = dict[str, dict[str, Any]]


def sets(group: str, key: str, value: Any) -> StateWrite:
    return StateWrite("set", group, key, value)


def increments(group: str, key: str, by: Any = None) -> StateWrite:
    return StateWrite("increment", group, key, by)


def appends(group: str, key: str, value: Any) -> StateWrite:
    return StateWrite("append", group, key, value)


def merges(group: str, key: str, value: Any) -> StateWrite:
    return StateWrite("merge", group, key, value)


def sets_if(group: str, key: str, value: Any, version: str) -> StateWrite:
    return StateWrite("set", group, key, value, version)


def deletes(group: str, key: str) -> StateWrite:
    return StateWrite("delete", group, key)


def clears(group: str) -> StateWrite:
    return StateWrite("clear", group)


@dataclass(frozen=True)
class Case:
    says: str
    attempts: list[list[StateWrite]]
    reads: State = field(default_factory=dict)
    elsewhere: State | None = None  # where it differs from `reads`, which is the store's then
    refused: int = 0  # attempts that the store refuses
    refused_elsewhere: int = 0  # and another place


ODD = [
    "",
    " ",
    "ü ß/é",
    "a/b",
    "../up",
    ".hidden",
    "x~",
    "%41",
    "a\\b",
    "日本",
    "😀",
    "k" * 700,
    "a:b*?[x]",
]


def versioned(
    says: str, attempts: list[list[StateWrite]], reads: State, *, refused: int = 0
) -> Case:
    """Another place than the store refuses every attempt that asks for a version, and keeps the others."""
    others = [one for one in attempts if all(write.if_version is None for write in one)]
    elsewhere: State = {}
    for write in (write for one in others for write in one):
        elsewhere.setdefault(write.group, {})[write.key] = write.value
    return Case(says, attempts, reads, elsewhere, refused, len(attempts) - len(others))


CASES = [
    Case("a value is set", [[sets("g", "k", {"n": 1})]], {"g": {"k": {"n": 1}}}),
    Case("the last commit wins", [[sets("g", "k", 1)], [sets("g", "k", 2)]], {"g": {"k": 2}}),
    Case("the last write of an attempt wins", [[sets("g", "k", 1), sets("g", "k", 2)]], {"g": {"k": 2}}),
    Case(
        "every kind of value comes back as it was",
        [[sets("g", str(n), value) for n, value in enumerate([None, False, 0, -1, 2**53 - 1, 0.1, "", "ü\n", [], {}, [[{}]]])]],
        {"g": {str(n): value for n, value in enumerate([None, False, 0, -1, 2**53 - 1, 0.1, "", "ü\n", [], {}, [[{}]]])}},
    ),
    Case(
        "groups and keys may have any name",
        [[sets(f"g{name}", name, n) for n, name in enumerate(ODD)]],
        {f"g{name}": {name: n} for n, name in enumerate(ODD)},
    ),
    Case("names that differ in case are two", [[sets("g", "a", 1), sets("g", "A", 2)]], {"g": {"a": 1, "A": 2}}),
    Case("a key is deleted", [[sets("g", "a", 1), sets("g", "b", 2)], [deletes("g", "a")]], {"g": {"b": 2}}),
    Case("deleting what is not there is no mistake", [[deletes("g", "a")]], {}),
    Case("the last key's group is gone", [[sets("g", "a", 1)], [deletes("g", "a")]], {}),
    Case("a group is cleared, its neighbour is not", [[sets("g", "a", 1), sets("h", "a", 1)], [clears("g")]], {"h": {"a": 1}}),
    Case("what is set after clearing stays", [[sets("g", "a", 1)], [clears("g"), sets("g", "b", 2)]], {"g": {"b": 2}}),
    Case("what is set before clearing goes", [[sets("g", "a", 1), clears("g")]], {}),
    Case("a count begins at nothing", [[increments("g", "n")], [increments("g", "n", 2)]], {"g": {"n": 3}}),
    Case("a count may go down, and by parts", [[increments("g", "n", -1)], [increments("g", "n", 0.5)]], {"g": {"n": -0.5}}),
    Case("several updates of an attempt add up", [[increments("g", "n"), increments("g", "n"), increments("g", "n")]], {"g": {"n": 3}}),
    Case("a list begins empty and keeps its order", [[appends("g", "l", 1)], [appends("g", "l", [2]), appends("g", "l", None)]], {"g": {"l": [1, [2], None]}}),
    Case("fields are merged, others stay", [[sets("g", "o", {"a": 1, "b": 1})], [merges("g", "o", {"b": 2, "c": 3})]], {"g": {"o": {"a": 1, "b": 2, "c": 3}}}),
    Case("an update after deleting begins anew", [[sets("g", "n", 5)], [deletes("g", "n"), increments("g", "n")]], {"g": {"n": 1}}),
    Case("an update after setting builds on it", [[sets("g", "n", 5), increments("g", "n")]], {"g": {"n": 6}}),
    Case(
        "an update that does not fit changes nothing of its key",
        [[sets("g", "t", "text")], [increments("g", "t"), sets("g", "other", 1)]],
        {"g": {"t": "text"}},
        elsewhere={"g": {"t": "text", "other": 1}},
        refused=1,
    ),
    versioned(
        "what met its version is written",
        [[sets("g", "k", 1)], [sets_if("g", "k", 2, version_of(1))], [sets_if("g", "new", 1, "0")]],
        {"g": {"k": 2, "new": 1}},
    ),
    versioned(
        "what met another version is not, nor anything beside it",
        [[sets("g", "k", 1)], [sets("h", "k", 1), sets_if("g", "k", 2, version_of(3))], [sets_if("g", "k", 2, "0")]],
        {"g": {"k": 1}},
        refused=2,
    ),
    versioned(
        "of two that read the same, one is written",
        [[sets_if("g", "k", 1, "0")], [sets_if("g", "k", 2, "0")], [sets_if("g", "none", 2, version_of(1))]],
        {"g": {"k": 1}},
        refused=2,
    ),
    versioned(
        "a version is met by what the attempt itself has written before",
        [
            [sets("g", "n", 1)],
            [increments("g", "n"), sets_if("g", "n", 5, version_of(2)), sets_if("g", "n", 6, version_of(5))],
            [deletes("g", "n"), sets_if("g", "n", 7, "0"), clears("h"), sets_if("h", "a", 1, "0")],
        ],
        {"g": {"n": 7}, "h": {"a": 1}},
    ),
    versioned(
        "equal values have one version, whatever the order of their fields",
        [[sets("g", "k", {"a": 1, "b": [1.0, "ü"]})], [sets_if("g", "k", 2, version_of({"b": [1.0, "ü"], "a": 1}))]],
        {"g": {"k": 2}},
    ),
    versioned(
        "a null has the version of nothing",
        [[sets("g", "k", None)], [sets_if("g", "k", 2, "0")]],
        {"g": {"k": 2}},
    ),
]  # fmt: skip
