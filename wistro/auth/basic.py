"""HTTP Basic (RFC 7617): user and password, held as the sha256 of both together."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any

from wistro.auth.parts import Allowed, Parts, Refused

MAX_CREDENTIALS = 4096


def verify(policy: dict[str, Any], parts: Parts) -> Allowed | Refused:
    """`policy` is resolved: {sha256: [hex of `user:password` in UTF-8…]}."""
    header = parts.only("authorization")
    if header is None:
        return Refused("basic: no single `authorization` header")
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic" or len(encoded) > MAX_CREDENTIALS:
        return Refused("basic: `authorization` is no basic credentials")
    try:
        given = base64.b64decode(encoded.strip(" ").encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        return Refused("basic: `authorization` is no base64")
    digest = hashlib.sha256(given).hexdigest()
    is_known = False
    for one in policy["sha256"]:  # all of them, whichever fits: time tells nothing
        is_known |= hmac.compare_digest(digest, one)
    if not is_known:
        return Refused("basic: unknown user or password")
    return Allowed({"type": "basic", "user": given.decode("utf-8", "replace").partition(":")[0]})
