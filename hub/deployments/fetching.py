"""Where a builder gets a version's files from. hub/sources hands in how git ones are fetched: nothing below imports it."""

from __future__ import annotations

from collections.abc import Callable

from hub.deployments.models import Version
from wistro.protocol.machine import GitSource


class Unavailable(Exception):
    """The git host does not answer now: the build waits for it and is not failed."""


_GIT: list[Callable[[Version], GitSource]] = []
_HEADS: list[Callable[[Version], str | None]] = []


def git_by(fetch: Callable[[Version], GitSource]) -> None:
    """Register in AppConfig.ready. Called outside any transaction, since it asks the host for a short-lived token;
    raises a UserError that becomes the build's problem, or Unavailable."""
    _GIT[:] = [fetch]


def git_source(version: Version) -> GitSource:
    return _GIT[0](version)


def heads_by(read: Callable[[Version], str | None]) -> None:
    """Register in AppConfig.ready: the head of a version's branch as last read from its host, None if none is read."""
    _HEADS[:] = [read]


def head_of(version: Version) -> str | None:
    return _HEADS[0](version) if _HEADS else None
