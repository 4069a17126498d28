"""The page of results: every benchmark has its place in it, and a table goes there and nowhere else."""

from __future__ import annotations

from datetime import date

import pytest

from bench.__main__ import ALL, main
from bench.page import END, PAGE, NoPlace, begin, replaced
from bench.systems import ROOT

ON = date(2030, 1, 2)
TWO = f"# Page\n\n{begin('e1')}\nold\n{END}\n\nbetween\n\n{begin('e2')}\n{END}\n\nlast\n"


def test_every_benchmark_is_in_the_list_and_has_a_place_in_the_page() -> None:
    page = PAGE.read_text()
    with_a_table = {
        path.stem for path in (ROOT / "bench").glob("*.py") if "argparse" in path.read_text()
    } - {"__main__"}

    assert with_a_table == set(ALL)
    for name in ALL:
        assert "a table" in replaced(page, name, "a table", on=ON)


def test_a_table_takes_the_place_of_the_one_before_and_leaves_the_rest() -> None:
    once = replaced(TWO, "e1", "first\n", on=ON)
    again = replaced(once, "e1", "second\n", on=ON)

    assert "old" not in once and "first" not in again
    assert again == TWO.replace(
        "old", "`python -m bench.e1`, 2030-01-02:\n\n```text\nsecond\n```"
    )  # fmt: skip


@pytest.mark.parametrize("page", ["", begin("e1"), f"{begin('e1')} {END} {begin('e1')} {END}"])
def test_a_page_without_one_place_is_refused(page: str) -> None:
    with pytest.raises(NoPlace, match="e1"):
        replaced(page, "e1", "a table", on=ON)


@pytest.mark.parametrize("wrong", [["--short", "--write"], ["e99"]])
def test_numbers_that_say_nothing_and_unknown_benchmarks_are_refused(wrong: list[str]) -> None:
    before = PAGE.read_text()

    with pytest.raises(SystemExit, match="2"):
        main(wrong)

    assert PAGE.read_text() == before
