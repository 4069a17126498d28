"""How many builds of a project are kept in `.wistro/build`: live versions of a folder load parts of theirs late."""

from __future__ import annotations

import shutil
from pathlib import Path

KEPT = 5


def forget_old(current: Path, prefix: str) -> None:
    """Remove all but the newest of those whose names begin so."""

    def age(folder: Path) -> float:
        try:
            return folder.stat().st_mtime
        except OSError:
            return 0.0

    others = [one for one in current.parent.glob(f"{prefix}*") if one != current and one.is_dir()]
    for folder in sorted(others, key=age, reverse=True)[KEPT - 1 :]:
        shutil.rmtree(folder, ignore_errors=True)
