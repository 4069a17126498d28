"""How large a request's body may be, by its address. The server refuses more before any of it reaches our code: hub/server.py."""

from __future__ import annotations

import re

BODY = 5 << 20
WEBHOOK = 5 << 20  # a push that GitHub tells at greater length is found by reading the refs
BLOB = 512 << 20
_BLOB = re.compile(r"/api/v1/projects/[^/]+/blobs/[0-9a-f]{64}")


def most_of(method: str, path: str) -> int:
    """The most bytes that the body of a request to this path may have."""
    if method == "PUT" and _BLOB.fullmatch(path):
        return BLOB
    return WEBHOOK if path.startswith("/hooks/") else BODY


def shown(size: int) -> str:
    return f"{size >> 20} MiB"
