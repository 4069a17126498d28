"""What one look came to."""

from __future__ import annotations

from typing import Literal

import msgspec

Verdict = Literal["good", "note", "bad"]


class Finding(msgspec.Struct, frozen=True):
    """`good`; `note`: worth knowing, nothing fails for it yet; `bad`: something does. `do` says what mends it."""

    name: str
    verdict: Verdict
    says: str
    do: str = ""


def good(name: str, says: str) -> Finding:
    return Finding(name, "good", says)


def note(name: str, says: str, do: str) -> Finding:
    return Finding(name, "note", says, do)


def bad(name: str, says: str, do: str) -> Finding:
    return Finding(name, "bad", says, do)
