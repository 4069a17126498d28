"""Who may use a route. Every route says so for each of its methods; one that does not fails a test and `check`.

    access = {"GET": member("projects:read"), "DELETE": owner("projects:write")}

A token may use a route whose scope it has. `scope=None` is for browsers' sessions only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

ANY_SCOPE = "*"
SCOPES = ("projects:read", "projects:write", "deploy", "datasets:read")


@dataclass(frozen=True)
class Access:
    """`who` is anonymous, signed-in, member, owner, machine, or signed (the route checks a signature itself)."""

    who: str
    scope: str | None = None
    kinds: frozenset[str] = field(
        default_factory=frozenset
    )  # of machines: agent, builder, gateway, pool

    def __str__(self) -> str:
        return " ".join(filter(None, [self.who, self.scope, *sorted(self.kinds)]))


anonymous = Access("anonymous")
signed = Access("signed")


def signed_in(scope: str | None = None) -> Access:
    """Anyone with an account, on a route that names no organization."""
    return Access("signed-in", _known(scope))


def member(scope: str | None = None) -> Access:
    """Members and owners of the organization that the route is about. Anyone else is told 404."""
    return Access("member", _known(scope))


def owner(scope: str | None = None) -> Access:
    """Owners of the organization that the route is about. Its members are told 403, anyone else 404."""
    return Access("owner", _known(scope))


def machine(*kinds: str) -> Access:
    return Access("machine", kinds=frozenset(kinds))


def _known(scope: str | None) -> str | None:
    if scope not in (None, ANY_SCOPE, *SCOPES):
        raise ValueError(f"{scope} is no scope: {', '.join(SCOPES)}")
    return scope


View = TypeVar("View", bound=Callable[..., Any])


def declared(**access: Access) -> Callable[[View], View]:
    """Say who may use a plain Django view: `@declared(GET=anonymous)`."""

    def mark(view: View) -> View:
        view.access = dict(access)  # type: ignore[attr-defined]
        return view

    return mark
