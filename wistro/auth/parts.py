"""What a verifier is given of a request, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Parts:
    """`headers` by lower-case name, as sent; a name that came twice is in `repeated`. `body` is raw."""

    headers: list[tuple[str, str]]
    body: bytes

    def only(self, name: str) -> str | None:
        """The header's value; None when it is absent or came more than once (two readings)."""
        values = [value for one, value in self.headers if one == name]
        return values[0] if len(values) == 1 else None


class Allowed(NamedTuple):
    """`claims` reach the step as ctx.auth; `sender_id` is the sender's own id of this message."""

    claims: dict[str, Any] | None = None
    sender_id: str | None = None


class Refused(NamedTuple):
    """`reason` is for the team; the caller learns nothing but 401."""

    reason: str


class Unverifiable(NamedTuple):
    """Nobody can say now whether the caller fits: what verifies it cannot be had. The call may be sent again."""

    reason: str
