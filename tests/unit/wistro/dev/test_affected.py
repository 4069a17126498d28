from __future__ import annotations

import pytest

from wistro.dev.affected import affected


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"src/a.step.py"}, {"python"}),
        ({"src/lib/a.ts", "src/b.step.mjs", "tsconfig.json"}, {"node"}),
        ({"src/a.step.py", "src/b.step.ts"}, {"python", "node"}),
        ({"src/ship.step.go", "go.sum"}, {"go"}),
        ({"requirements.txt"}, {"python"}),
        ({"package-lock.json"}, {"node"}),
        ({"wistro.yml", ".env"}, set()),
        ({"src/prices.json"}, None),
        ({"src/orders"}, None),
        ({"src/a.step.py", "src/prices.json"}, None),
        (set(), set()),
    ],
)
def test_a_change_concerns_the_languages_that_load_it(
    changed: set[str], wanted: set[str] | None
) -> None:
    assert affected(changed) == wanted
