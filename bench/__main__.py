"""`python -m bench [NAME …] [--short] [--peers] [--write]`: every benchmark's table, or those named, one after the other.

`python -m bench.e1` is one of them, with options of its own. `--peers` installs other systems and measures them too, where a
benchmark compares with them. `--write` puts each table, as printed, with the date between its markers in docs/performance.md.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from datetime import UTC, datetime

from bench.page import PAGE, replaced
from bench.systems import ROOT

ALL = ("e1", "e2", "e3", "e4", "e5", "e6", "h1", "h2", "lock", "profile", "s1")
SHORT = {"h1": ["--batches", "4", "--rounds", "1"]}
WITH_PEERS = ("e1", "e2", "e4")


def main(arguments: list[str]) -> int:
    """Those that fail are named in the end, and do not keep the others from their tables."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ALL)}")
    parser.add_argument("--short", action="store_true", help="small, to see that they run")
    parser.add_argument("--peers", action="store_true", help="other systems too")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(ALL):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}: there are {', '.join(ALL)}")
    if options.short and options.write:
        parser.error("the numbers of --short say nothing: they are not written")
    failed = []
    for name in options.names or ALL:
        printed = run(name, options_of(name, options))
        if printed is None:
            failed.append(name)
        elif options.write:
            today = datetime.now(UTC).date()
            PAGE.write_text(replaced(PAGE.read_text(), name, printed, on=today))
        print(flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def options_of(name: str, options: argparse.Namespace) -> list[str]:
    short = SHORT.get(name, ["--short"]) if options.short else []
    peers = ["--peers"] if options.peers and name in WITH_PEERS else []
    return [*short, *peers]


def run(name: str, options: list[str]) -> str | None:
    """What it printed, which is shown too; None when it failed."""
    argv = [sys.executable, "-m", f"bench.{name}", *options]
    done = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="", flush=True)
    return done.stdout if done.returncode == 0 else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
