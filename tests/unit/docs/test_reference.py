"""The reference pages say what the code says."""

from __future__ import annotations

from infra import reference


def test_errors_page_lists_every_code() -> None:
    committed = reference.ERRORS.read_text(encoding="utf-8")

    assert committed == reference.errors_page(), "run: make docs"


def test_every_error_says_what_it_means() -> None:
    unexplained = [error for error in reference.errors() if " " not in error.meaning]

    assert unexplained == []
