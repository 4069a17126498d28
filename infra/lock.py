"""`make lock`: pin every dependency by hash, for all platforms, without naming an index.

all.txt is what a checkout installs; server.txt, the same versions, what our images need of it.
"""

from __future__ import annotations

import subprocess
import sys

from infra.bootstrap import ROOT

FILES = {"all.txt": ("runner", "hub", "dev"), "server.txt": ("runner", "hub")}


def main(options: list[str]) -> int:
    for name, groups in FILES.items():
        target = f"requirements/{name}"
        argv = [
            sys.executable,
            "-m",
            "uv",
            "pip",
            "compile",
            "--quiet",
            "--generate-hashes",
            "--universal",
        ]
        argv += ["--python-version", "3.11", "--no-emit-index-url", "--no-header", "pyproject.toml"]
        for group in groups:
            argv += ["--group", group]
        if name != "all.txt":
            argv += ["--constraint", "requirements/all.txt"]
        else:
            argv += options
        done = subprocess.run([*argv, "-o", target], cwd=ROOT, check=False)
        if done.returncode:
            return done.returncode
        print(f"  ✓ {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
