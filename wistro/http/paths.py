"""Which endpoint a method and path mean: `/orders/:shop`, a literal segment before a parameter.

The gateway and the engine match the same decoded path with this same table, so what the gateway
verified is what the engine runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import unquote

from wistro.errors import UserError

V = TypeVar("V")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class UnreadableTarget(UserError):
    """A request target that is no path, or one whose escapes are not UTF-8."""

    code = "http.target"
    hint = "Ask for a path that begins with /, percent-encoded UTF-8."


class SamePath(UserError):
    """Two endpoints answer the same method and path."""

    code = "lock.same-path"
    hint = (
        "Change the method or the path of one of them; parameters' names do not tell paths apart."
    )


class Match(NamedTuple, Generic[V]):
    value: V
    params: dict[str, str]


class NotFound(NamedTuple):
    """No endpoint has this path."""


class MethodNotAllowed(NamedTuple):
    """The path exists; `allow` is sorted, and names HEAD wherever GET is."""

    allow: list[str]


NOT_FOUND = NotFound()


def split_target(target: str) -> tuple[str, str]:
    """`/a%20b?c=d` -> (`/a b`, `c=d`): the path decoded once, the query as it came.

    Raises UnreadableTarget. An encoded slash becomes one: a path has one reading everywhere.
    """
    path, _, query = target.partition("?")
    if not path.startswith("/") or "#" in target:
        raise UnreadableTarget("the target is not a path")
    if "%" in path:
        try:
            path = unquote(path, errors="strict")
        except UnicodeDecodeError as error:
            raise UnreadableTarget("the path's escapes are not UTF-8") from error
        if _CONTROL.search(path):
            raise UnreadableTarget("the path holds control characters")
    return path, query


def origin_form(target: str, host: str) -> str:
    """`http://shop.example/a?b` -> `/a?b` (RFC 9112 §3.2.2); any other target as it is.

    Raises UnreadableTarget where it names another host than the Host header: two readers could take either.
    """
    if not target[:8].lower().startswith(("http://", "https://")):
        return target
    authority, slash, rest = target.partition("://")[2].partition("/")
    authority, question, query = authority.partition("?")
    if not authority or authority.lower() != host.lower():
        raise UnreadableTarget("the target and the Host header name two hosts")
    return f"/{rest}" if slash else f"/{question}{query}"


class _Place(Generic[V]):
    """One segment deep in the tree of paths."""

    __slots__ = ("ends", "literal", "param")

    def __init__(self) -> None:
        self.literal: dict[str, _Place[V]] = {}
        self.param: _Place[V] | None = None
        self.ends: dict[str, tuple[V, list[str]]] = {}  # method -> value, names of parameters


class PathTable(Generic[V]):
    """Endpoints by method and path; one slash at the end of a path makes no difference."""

    def __init__(self, entries: Iterable[tuple[str, str, V]] = ()) -> None:
        self._root: _Place[V] = _Place()
        self._literal: dict[tuple[str, str], V] = {}  # what has no parameter is one look-up
        for method, path, value in entries:
            self._add(method.upper(), _trimmed(path), value)

    def match(self, method: str, path: str) -> Match[V] | NotFound | MethodNotAllowed:
        """The endpoint for a decoded path. HEAD falls to GET; OPTIONS is answered by `allow`."""
        path = _trimmed(path)
        wanted = (method, "GET") if method == "HEAD" else (method,)
        for one in wanted:
            if (one, path) in self._literal:
                return Match(self._literal[one, path], {})
        segments = path.split("/")[1:]
        allow: set[str] = set()
        if found := self._find(self._root, segments, 0, wanted, [], allow):
            return found
        if not allow:
            return NOT_FOUND
        return MethodNotAllowed(sorted(allow | {"HEAD"} if "GET" in allow else allow))

    def _add(self, method: str, path: str, value: V) -> None:
        place, names = self._root, []
        for segment in path.split("/")[1:]:
            if segment.startswith(":"):
                names.append(segment[1:])
                place.param = place.param or _Place()
                place = place.param
            else:
                place = place.literal.setdefault(segment, _Place())
        if method in place.ends:
            raise SamePath(f"two endpoints answer {method} {path}")
        place.ends[method] = (value, names)
        if not names:
            self._literal[method, path] = value

    def _find(
        self,
        place: _Place[V],
        segments: list[str],
        depth: int,
        wanted: tuple[str, ...],
        values: list[str],
        allow: set[str],
    ) -> Match[V] | None:
        if depth == len(segments):
            allow.update(place.ends)
            for method in wanted:
                if method in place.ends:
                    value, names = place.ends[method]
                    return Match(value, dict(zip(names, values, strict=True)))
            return None
        segment = segments[depth]
        if (literal := place.literal.get(segment)) and (
            found := self._find(literal, segments, depth + 1, wanted, values, allow)
        ):
            return found
        if place.param and segment:
            return self._find(place.param, segments, depth + 1, wanted, [*values, segment], allow)
        return None


def _trimmed(path: str) -> str:
    return path[:-1] if len(path) > 1 and path.endswith("/") else path
