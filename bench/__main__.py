"""`python -m bench [--short]`: every benchmark's table, one after the other; `python -m bench.e1` is one of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ALL = ("e1", "e2", "e4", "h1", "h2", "lock", "s1")
SHORT = {"h1": ["--batches", "4", "--rounds", "1"]}


def main(arguments: list[str]) -> int:
    """Those that fail are named in the end, and do not keep the others from their tables."""
    failed = []
    for name in ALL:
        options = SHORT.get(name, ["--short"]) if "--short" in arguments else []
        argv = [sys.executable, "-m", f"bench.{name}", *options]
        if subprocess.run(argv, cwd=Path(__file__).parent.parent, check=False).returncode:
            failed.append(name)
        print(flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
