"""A key in a header, held as sha256 only: whoever reads a routing table learns no key."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from wistro.auth.parts import Allowed, Parts, Refused

MAX_KEY = 4096


def verify(policy: dict[str, Any], parts: Parts) -> Allowed | Refused:
    """`policy` is resolved: {header, sha256: [hex…]}. `Authorization` may carry it as a bearer token."""
    header = policy["header"]
    key = parts.only(header)
    if key is None:
        return Refused(f"api_key: no single `{header}` header")
    if header == "authorization":
        scheme, _, key = key.partition(" ")
        if scheme.lower() != "bearer":
            return Refused("api_key: `authorization` is no bearer token")
    if not key or len(key) > MAX_KEY:
        return Refused(f"api_key: `{header}` is empty or too long")
    digest = hashlib.sha256(key.encode("latin-1", "replace")).hexdigest()
    known = None
    for one in policy["sha256"]:  # all of them, whichever fits: time tells nothing
        if hmac.compare_digest(digest, one):
            known = one
    if known is None:
        return Refused("api_key: unknown key")
    return Allowed({"type": "api_key", "key": known[:12]})
