"""What a variable may be called: one rule for wistro.yml, the Hub and whoever sets one."""

from __future__ import annotations

import re

LONGEST = 100
SAID = f"capital letters, digits and _, a letter first, at most {LONGEST}"
_NAME = re.compile(rf"[A-Z][A-Z0-9_]{{0,{LONGEST - 1}}}")
_RESERVED = re.compile(r"(WISTRO_|LD_|DYLD_).*|PATH|HOME|PYTHONPATH|PYTHONHOME|NODE_OPTIONS")


def is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def is_reserved(name: str) -> bool:
    """Set by wistro or the system; another value would break the host, or let a project choose what it loads."""
    return _RESERVED.fullmatch(name) is not None
