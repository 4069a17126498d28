"""What the Hub asks of a git host. Its calls go over the network: never make one inside a transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from wistro.errors import UserError
from wistro.protocol.machine import GitSource


class HostAway(UserError):
    """The git host does not answer now; what was asked of it is asked again later."""

    code = "source.host-away"
    hint = "Nothing is lost: its branches are read again every 60 s."
    status = 503


class NoAccess(UserError):
    """The git host does not let us read the repository (any more), or there is none."""

    code = "source.no-access"
    hint = "Check that the repository is there and that wistro may read it."
    status = 422


@dataclass(frozen=True)
class Refs:
    """All branches with their heads, and what the host says about the repository."""

    heads: dict[str, str] = field(default_factory=dict)
    default_branch: str = ""
    repository: str = ""


@dataclass(frozen=True)
class About:
    """What is known of a commit beside its id."""

    message: str = ""
    author: str = ""
    committed_at: datetime | None = None


class Host(Protocol):
    """One repository on a host. Each call raises HostAway or NoAccess."""

    @property
    def site(self) -> str:
        """Its pages' address: what would have to reach us with a webhook."""
        ...

    def refs(self) -> Refs: ...

    def about(self, sha: str) -> About: ...

    def order(self, sha: str, branch: str) -> GitSource:
        """How a builder fetches a commit: with a token that can do this alone, for an hour at most."""
        ...
