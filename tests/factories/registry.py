"""How to make what a route's keyword names, so that the tenant matrix can call every route there is.

    @makes("version")                       # the keyword of path("versions/<version:version>")
    def version(world: World) -> UUID: ...  # in world.organization; ask world.get("project") for what it hangs on

Keywords that are no kinds of ids are registered by (path, keyword) or by keyword alone. `@body("POST", "versions")`
gives a body for a route that answers 422 to an empty one, where the matrix should see it done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hub.accounts.models import Organization, User

_MAKERS: dict[str, Callable[[World], Any]] = {}
_MACHINES: dict[str, Callable[[], str]] = {}


@dataclass
class World:
    """One organization with at most one object of each kind in it, made when first asked for."""

    organization: Organization
    owner: User
    made: dict[str, Any] = field(default_factory=dict)

    def get(self, keyword: str) -> Any:
        if keyword not in self.made:
            if keyword not in _MAKERS:
                raise LookupError(
                    f"Nothing makes `{keyword}`: add @makes({keyword!r}) to a file of tests/factories"
                )
            self.made[keyword] = _MAKERS[keyword](self)
        return self.made[keyword]


Maker = Callable[[World], Any]


def makes(keyword: str) -> Callable[[Maker], Maker]:
    def add(maker: Maker) -> Maker:
        _MAKERS[keyword] = maker
        return maker

    return add


def machine(kind: str) -> Callable[[Callable[[], str]], Callable[[], str]]:
    """Register how to get a token of a kind of machine: agent, builder, gateway, pool."""

    def add(maker: Callable[[], str]) -> Callable[[], str]:
        _MACHINES[kind] = maker
        return maker

    return add


def machines() -> dict[str, Callable[[], str]]:
    return dict(_MACHINES)
