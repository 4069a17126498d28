"""How to make what a route's keyword names, so that the tenant matrix can call every route there is.

    @makes("version")                         # the keyword of path("versions/<version:version>")
    def version(world: World) -> UUID: ...    # in world.organization; world.get("project") is what it hangs on

    @machine("agent")                         # a token of this kind of machine, as text
    def agent() -> str: ...

    may_be_absent("api/v1/projects/<project:project>/source", "GET")   # answers 404 to its own members, too

Every file of tests/factories is imported before the matrix is made. Keywords of other converters than ids
(`<str:variable>`) are made the same way, unlike in each world.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hub.accounts.models import Organization, User
from hub.common.tenancy import tenant


@dataclass
class World:
    """One organization with at most one object of each kind in it, made when first asked for."""

    organization: Organization
    owner: User
    member: User
    made: dict[str, Any] = field(default_factory=dict)

    def get(self, keyword: str) -> Any:
        if keyword not in self.made:
            if keyword not in _MAKERS:
                raise LookupError(
                    f"Nothing makes `{keyword}`: write @makes({keyword!r}) in tests/factories"
                )
            with tenant(self.organization):
                self.made[keyword] = _MAKERS[keyword](self)
        return self.made[keyword]


Maker = Callable[[World], Any]
TokenMaker = Callable[[], str]
_MAKERS: dict[str, Maker] = {}
_MACHINES: dict[str, TokenMaker] = {}
_ABSENT: set[tuple[str, str]] = set()


def makes(keyword: str) -> Callable[[Maker], Maker]:
    def add(maker: Maker) -> Maker:
        _MAKERS[keyword] = maker
        return maker

    return add


def machine(kind: str) -> Callable[[TokenMaker], TokenMaker]:
    def add(maker: TokenMaker) -> TokenMaker:
        _MACHINES[kind] = maker
        return maker

    return add


def may_be_absent(path: str, *methods: str) -> None:
    _ABSENT.update((path, method) for method in methods)


def is_maybe_absent(path: str, method: str) -> bool:
    return (path, method) in _ABSENT


def machines() -> dict[str, TokenMaker]:
    return dict(_MACHINES)


def load() -> None:
    """Import every file beside this one, so that all makers are known."""
    import tests.factories as folder

    for found in pkgutil.iter_modules(folder.__path__):
        importlib.import_module(f"tests.factories.{found.name}")


@makes("organization")
def organization(world: World) -> str:
    return world.organization.slug


@makes("rest")
def rest(world: World) -> str:
    return "nothing/here"
