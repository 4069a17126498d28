"""Inside the compile sandbox, under wistro's own interpreter: check the lock and say on descriptor 3 what it should be.

Its answer is a tenant's word: compile.py reads it as such.
"""

from __future__ import annotations

import difflib
import json
import os
import sys
from pathlib import Path


def main() -> None:
    os.set_inheritable(3, False)
    from wistro.compiler import check_lock
    from wistro.lock import file

    root = Path.cwd()
    check = check_lock(root)
    compiled = check.compiled
    committed = root / file.NAME
    answer: dict[str, object] = {
        "problems": [_problem(each) for each in compiled.problems],
        "warnings": [_problem(each) for each in compiled.warnings],
        "committed": committed.exists(),
        "changes": check.changes,
        "damage": _problem(check.damage) if check.damage and committed.exists() else None,
    }
    if compiled.lock is not None:
        text = file.write(compiled.lock).decode()
        answer["lock"] = text
        if committed.exists():
            answer["diff"] = _diff(committed.read_text(errors="replace"), text)
    with open(3, "w") as out:
        json.dump(answer, out)


def _problem(error: object) -> dict[str, object]:
    return {name: getattr(error, name) for name in ("code", "message", "hint", "where")}


def _diff(committed: str, compiled: str) -> list[str]:
    lines = difflib.unified_diff(
        committed.splitlines(), compiled.splitlines(), "committed", "compiled", lineterm="", n=2
    )
    return [line for line, _ in zip(lines, range(200), strict=False)]


if __name__ == "__main__":
    sys.exit(main())
