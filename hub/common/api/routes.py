"""Every route of a URLconf with what it declares: the checks, the tenant matrix and the docs all read this list."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.urls import URLPattern, URLResolver
from django.urls.resolvers import RoutePattern

from hub.common.api.access import Access, anonymous, signed_in
from hub.common.api.ids import KINDS

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

# Routes of packages, by the start of their path: they cannot declare for themselves.
OF_PACKAGES: dict[str, Mapping[str, Access]] = {
    "_allauth/": dict.fromkeys(METHODS, anonymous),
    "accounts/": dict.fromkeys(METHODS, anonymous),
}


@dataclass(frozen=True)
class Route:
    path: str  # "api/v1/projects/<project:project>"
    converters: Mapping[str, str]  # keyword -> converter: {"project": "project"}
    methods: tuple[str, ...]
    access: Mapping[str, Access]
    view: Any

    @property
    def about(self) -> str | None:
        """The keyword that says which organization the route is about."""
        return next((one for one in self.converters if one == "organization" or one in KINDS), None)

    @property
    def undeclared(self) -> tuple[str, ...]:
        return tuple(method for method in self.methods if method not in self.access)


def routes(urlconf: str) -> list[Route]:
    patterns = importlib.import_module(urlconf).urlpatterns
    return list(_walk(patterns, "", {}))


def _walk(patterns: Any, before: str, above: dict[str, str]) -> Iterator[Route]:
    for one in patterns:
        path = before + str(one.pattern).removeprefix("^")
        converters = above | _converters(one.pattern)
        if isinstance(one, URLResolver):
            yield from _walk(one.url_patterns, path, converters)
        elif isinstance(one, URLPattern):
            yield _route(path, converters, one.callback)


def _converters(pattern: Any) -> dict[str, str]:
    if not isinstance(pattern, RoutePattern):
        return dict.fromkeys(pattern.regex.groupindex, "str")
    return {
        name: getattr(one, "kind", "") or type(one).__name__
        for name, one in pattern.converters.items()
    }


def _route(path: str, converters: dict[str, str], callback: Any) -> Route:
    view = getattr(callback, "cls", None) or getattr(callback, "view_class", None) or callback
    access = getattr(view, "access", None) or {}
    for start, given in OF_PACKAGES.items():
        if path.startswith(start):
            access = given
    methods = (
        tuple(one for one in METHODS if hasattr(view, one.lower())) or tuple(access) or ("GET",)
    )
    return Route(path, converters, methods, access, view)


@register
def every_route_says_who_may(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """A route without a declared policy, or about an organization that its path does not name."""
    found: list[CheckMessage] = []
    for urlconf in ("hub.urls", "hub.machine_urls"):
        for route in routes(urlconf):
            if route.undeclared:
                found.append(
                    _error(
                        route, f"does not say who may {', '.join(route.undeclared)}", "wistro.E002"
                    )
                )
            if route.about is None and any(
                a.who in ("member", "owner") for a in route.access.values()
            ):
                found.append(
                    _error(
                        route, "names no organization that one could be a member of", "wistro.E003"
                    )
                )
            if route.about and any(a == signed_in(a.scope) for a in route.access.values()):
                found.append(
                    _error(
                        route,
                        "is about an organization, but open to anyone signed in",
                        "wistro.E004",
                    )
                )
    return found


def _error(route: Route, what: str, id: str) -> Error:
    return Error(
        f"/{route.path} {what}", hint="Set `access` on its view: hub/common/api/access.py", id=id
    )
