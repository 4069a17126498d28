"""The glossary's words are those that the pages use, and the words it replaces are not."""

from __future__ import annotations

import re

from infra.reference import ROOT

GLOSSARY = ROOT / "docs" / "glossary.md"
PAGES = [
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if path not in (GLOSSARY, ROOT / "docs" / "errors.md")
]
# The field's other words for ours. The README names them once, for those who come from there.
REPLACED = re.compile(r"\b(workflows?|components?|dead-letter queue)\b", re.IGNORECASE)


def words() -> list[str]:
    rows = re.findall(r"^\| ([^|]+) \|", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)
    return [row for row in rows if row not in ("word", "---")]


def test_a_word_has_one_meaning() -> None:
    assert len(words()) > 30
    assert len(set(words())) == len(words())


def test_every_word_is_used() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    unused = [
        word
        for word in words()
        if not re.search(rf"\b{re.escape(word.rstrip('e'))}", text, re.IGNORECASE)
    ]

    assert unused == []


def test_no_page_uses_a_word_that_ours_replaces() -> None:
    used = {
        page.relative_to(ROOT).as_posix(): found
        for page in PAGES
        if page.name != "README.md"
        and (found := REPLACED.findall(page.read_text(encoding="utf-8")))
    }

    assert used == {}
