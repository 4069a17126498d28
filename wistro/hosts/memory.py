"""How much memory a host holds, and how much one may: a step that leaks is not to take the machine with it."""

from __future__ import annotations

import os
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def held_bytes(pid: int) -> int | None:
    """Resident memory of a process; None where the system does not say (macOS) or the process is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):
        return None


def half_of_the_machine() -> int:
    return os.sysconf("SC_PHYS_PAGES") * _PAGE_BYTES // 2
