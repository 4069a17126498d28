"""The reference pages say what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra import reference
from infra.settings import KNOWN


@pytest.mark.parametrize("page", reference.PAGES, ids=lambda page: page.stem)
def test_a_reference_page_is_what_the_source_says(page: Path) -> None:
    committed = page.read_text(encoding="utf-8")

    assert committed == reference.PAGES[page](), "run: python -m infra.reference --write"


def test_every_setting_that_the_source_reads_is_in_its_page() -> None:
    named = {
        one.name
        for file in reference.SETTINGS_OF.values()
        for one in reference.settings_in(reference.ROOT / file)
    }

    assert {"WISTRO_KEY_RING", "DATABASE_URL", "WISTRO_SANDBOX"} <= named
    assert set(KNOWN) <= named


def test_every_error_says_what_it_means() -> None:
    unexplained = [error for error in reference.errors() if " " not in error.meaning]

    assert unexplained == []
