"""An effect that no transaction holds: what was begun, however often. Nothing where no file is named."""

import os
from pathlib import Path


def begun(step, key):
    if path := os.environ.get("FAULTS_EFFECTS"):
        with Path(path).open("a") as file:
            file.write(f"{step} {key}\n")
