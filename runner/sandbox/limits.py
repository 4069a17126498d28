"""What one sandbox may use; by control groups where they may be written, else by rlimits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    memory_bytes: int = 1 << 30
    processes: int = 256
    cores: float = 2.0
    tmp_bytes: int = 256 << 20
    file_bytes: int = 1 << 30
    files: int = 4096
