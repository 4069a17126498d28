"""One project's lock, byte for byte: the same tree gives the same bytes wherever and whenever it is compiled."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wistro.compiler import compile_project
from wistro.lock import file

GOLDEN = Path(__file__).parents[3] / "golden" / "lock"
LOCK = GOLDEN / "project.lock"


@pytest.fixture
def copy(project: Path) -> Path:
    """The golden project, in a folder that has esbuild."""
    shutil.copytree(GOLDEN / "project", project, dirs_exist_ok=True)
    return project


def lock_of(root: Path) -> bytes:
    compiled = compile_project(root)
    assert compiled.lock is not None, compiled.problems
    return file.write(compiled.lock)


def test_the_golden_project_compiles_to_the_golden_lock(copy: Path):
    assert lock_of(copy).decode() == LOCK.read_text(encoding="utf-8")


def test_the_golden_lock_is_read_and_written_unchanged():
    assert file.write(file.parse(LOCK.read_bytes())) == LOCK.read_bytes()


def test_neither_time_nor_place_nor_line_ends_are_in_it(copy: Path):
    for path in copy.rglob("src/**/*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
            os.utime(path, (1, 1))
    code = (
        "import sys; from pathlib import Path; from wistro.compiler import compile_project; from wistro.lock import file;"
        "sys.stdout.buffer.write(file.write(compile_project(Path(sys.argv[1])).lock))"
    )
    env = {**os.environ, "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7", "LANG": "C", "CURRENCY": "USD"}

    said = subprocess.run(
        [sys.executable, "-c", code, str(copy)], env=env, capture_output=True, check=True
    )

    assert said.stdout == LOCK.read_bytes()


def test_a_file_that_a_step_imports_is_in_its_digest(copy: Path):
    (copy / "src" / "lib" / "order.ts").write_text(
        "export const order = { type: 'object' } as const;\n"
    )

    with pytest.raises(file.ChangedStep) as raised:
        file.verify(copy, file.parse(LOCK.read_bytes()))

    assert raised.value.fields == {"src/orders/charge": "differs from the lock"}
