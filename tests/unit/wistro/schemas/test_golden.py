"""The JSON Schema rows of the compatibility table; rows in Python and TypeScript: tests/integration/wistro/compiler."""

from pathlib import Path

import pytest
import yaml

from wistro.schemas import CannotDecide, DoesNotFit, Fits, fits, normalise

TABLE = yaml.safe_load(
    (Path(__file__).parents[3] / "golden" / "compat.yml").read_text(encoding="utf-8")
)
PLAIN = [row for row in TABLE if "schema" in row["emitter"] and "schema" in row["subscriber"]]


@pytest.mark.parametrize("row", PLAIN, ids=lambda row: row["what"])
def test_row_has_its_verdict(row):
    verdict = fits(normalise(row["emitter"]["schema"]), normalise(row["subscriber"]["schema"]))

    match row["verdict"]:
        case "fits":
            assert verdict == Fits()
        case "does not fit":
            assert isinstance(verdict, DoesNotFit)
            assert verdict.path == row.get("path", "")
            assert verdict.why
        case "cannot decide":
            assert isinstance(verdict, CannotDecide)
            assert verdict.keyword == row["keyword"]


def test_table_is_large_and_crosses_languages():
    crossing = [
        row
        for row in TABLE
        if ("python" in row["emitter"]) != ("python" in row["subscriber"])
        and any(one.startswith("zod") for one in (*row["emitter"], *row["subscriber"]))
    ]

    assert len(TABLE) >= 80
    assert len(crossing) >= len(TABLE) / 2
    assert {row["verdict"] for row in TABLE} == {"fits", "does not fit", "cannot decide"}
    assert len({row["what"] for row in TABLE}) == len(TABLE)
