"""Each row of the table of languages has what a language needs, and is under the conformance suite."""

from __future__ import annotations

import inspect

import pytest

from tests.conformance.languages.subjects import SUBJECTS
from wistro.languages import LANGUAGES, Language
from wistro.languages.port import Toolkit

ROWS = pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES)


@ROWS
def test_toolkit_has_what_the_compiler_asks_for(language: Language) -> None:
    toolkit = language.toolkit

    assert all(isinstance(name, str) for name in toolkit.MANIFESTS)
    for name in ("fingerprint", "describe", "build"):
        asked = list(inspect.signature(getattr(Toolkit, name)).parameters)[1:]
        assert list(inspect.signature(getattr(toolkit, name)).parameters) == asked


@ROWS
def test_folder_is_the_languages_own(language: Language) -> None:
    assert language.home.name == language.name
    assert (language.home / "sdk").is_dir()


@ROWS
def test_language_is_under_the_conformance_suite(language: Language) -> None:
    assert language.name in {subject.language for subject in SUBJECTS}


def test_no_two_languages_have_one_ending() -> None:
    endings = [ending for row in LANGUAGES.values() for ending in row.endings]

    assert len(endings) == len(set(endings))
