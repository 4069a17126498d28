"""Every key, option and kind that is documented and not built is refused as such, never ignored."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.wistro.compiler.test_problems import ENDPOINT, HEARS, write
from wistro.compiler import compile_project

HEAR = "src/hear.step.py"
ON_A_STEP = {
    "draw": '"draw": "weighted"',
}
ON_AN_ENDPOINT = {
    "mtls": '"auth": {"type": "mtls"}',
}
IN_WISTRO_YML = {
    "a weighted cron": 'cron: {n: {schedule: "0 2 * * *", emits: taken, draw: weighted}}\n',
}


def codes_of(root: Path, files: dict[str, str]) -> list[tuple[str, str]]:
    compiled = compile_project(write(root, {"src/take.step.py": ENDPOINT, HEAR: HEARS} | files))
    assert compiled.lock is None
    return [(one.code, one.message) for one in compiled.problems]


@pytest.mark.parametrize("given", ON_A_STEP.values(), ids=ON_A_STEP)
def test_a_steps_key_of_a_later_release_is_refused(tmp_path: Path, given: str):
    said = codes_of(tmp_path, {HEAR: HEARS.replace('"emits"', f'{given}, "emits"')})

    assert [code for code, _ in said] == ["lock.not-yet"], said


@pytest.mark.parametrize("given", ON_AN_ENDPOINT.values(), ids=ON_AN_ENDPOINT)
def test_an_endpoints_key_of_a_later_release_is_refused(tmp_path: Path, given: str):
    said = codes_of(tmp_path, {"src/take.step.py": ENDPOINT.replace('"public": True', given)})

    assert [code for code, _ in said] == ["lock.not-yet"], said


@pytest.mark.parametrize("given", IN_WISTRO_YML.values(), ids=IN_WISTRO_YML)
def test_a_projects_key_of_a_later_release_is_refused(tmp_path: Path, given: str):
    said = codes_of(tmp_path, {"wistro.yml": given})

    assert [code for code, _ in said] == ["lock.not-yet"], said
