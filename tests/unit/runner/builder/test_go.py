"""An organization's build cache for Go, which several of its builds use at once."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner.builder import go
from runner.builder.store import Store


def test_a_cache_that_another_build_clears_meanwhile_is_measured_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = cast(Store, SimpleNamespace(go_caches=tmp_path))
    folder = go.cache_of(store, "org")
    (folder / "kept").write_bytes(b"x" * 10)
    real = os.walk

    def walk(at: Any) -> Any:
        return [(where, names, [*files, "gone"]) for where, names, files in real(at)]

    monkeypatch.setattr(os, "walk", walk)
    monkeypatch.setattr(go, "CACHE_BYTES", 10)
    assert go.cache_of(store, "org") == folder and (folder / "kept").exists()

    monkeypatch.setattr(go, "CACHE_BYTES", 9)
    assert list(go.cache_of(store, "org").iterdir()) == []
