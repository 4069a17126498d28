"""`state` in wistro.yml: what of it is in the lock, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.wistro.compiler.test_problems import ENDPOINT, HEARS, write
from wistro.compiler import compile_project
from wistro.lock.model import LockedState

STEPS = {"src/take.step.py": ENDPOINT, "src/hear.step.py": HEARS}


@pytest.mark.parametrize(
    ("yml", "wanted"),
    [
        ("state: {adapter: store}\n", None),
        ("state: {adapter: files}\n", LockedState("files")),
        (
            "state: {adapter: redis, url: $REDIS_URL}\n",
            LockedState("redis", "$REDIS_URL", "wistro"),
        ),
        (
            "name: shop\nstate: {adapter: redis, url: 'redis://cache:6379/2'}\n",
            LockedState("redis", "redis://cache:6379/2", "shop"),
        ),
        (
            "state: {adapter: redis, url: $R, prefix: 'a:b'}\n",
            LockedState("redis", "$R", "a:b"),
        ),
    ],
)
def test_where_state_is_kept_stands_in_the_lock(
    tmp_path: Path, yml: str, wanted: LockedState | None
) -> None:
    compiled = compile_project(write(tmp_path, STEPS | {"wistro.yml": yml}))

    assert compiled.lock is not None, compiled.problems
    assert compiled.lock.state == wanted
    told = [one for one in compiled.warnings if one.code == "lock.state-elsewhere"]
    assert len(told) == (wanted is not None)


@pytest.mark.parametrize(
    ("yml", "said"),
    [
        ("state: {adapter: memcached}\n", "state adapter `memcached` is not known"),
        ("state: {adapter: redis}\n", "`state.url`"),
        ("state: {adapter: redis, url: 'redis://:secret@host/0'}\n", "names no Redis"),
        ("state: {adapter: redis, url: 'http://host'}\n", "names no Redis"),
        ("state: {adapter: redis, url: $R, prefix: 'a b'}\n", "cannot begin a key"),
        ("state: {adapter: files, url: $R}\n", "`url`"),
        ("state: files\n", "`state` is a mapping"),
    ],
)
def test_a_place_that_is_none_is_refused_with_its_line(tmp_path: Path, yml: str, said: str) -> None:
    compiled = compile_project(write(tmp_path, STEPS | {"wistro.yml": yml}))

    assert compiled.lock is None
    assert any(said in one.message for one in compiled.problems), compiled.problems
    assert compiled.problems[0].where == "wistro.yml:1"
