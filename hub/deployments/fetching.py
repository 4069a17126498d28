"""Where a builder gets a version's files from. hub/sources hands in how git ones are fetched: nothing below imports it."""

from __future__ import annotations

from collections.abc import Callable

from hub.deployments.models import Version
from wistro.protocol.machine import GitSource

_GIT: list[Callable[[Version], GitSource]] = []


def git_by(fetch: Callable[[Version], GitSource]) -> None:
    """Register in AppConfig.ready. Called outside any transaction, since it asks the host for a short-lived token;
    raises a UserError that becomes the build's problem."""
    _GIT[:] = [fetch]


def git_source(version: Version) -> GitSource:
    return _GIT[0](version)
