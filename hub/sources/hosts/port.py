"""What the Hub asks of a git host. Its calls go over the network: never make one inside a transaction."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from wistro.errors import UserError
from wistro.protocol.machine import GitSource


class HostAway(UserError):
    """The git host does not answer now; what was asked of it is asked again later."""

    code = "source.host-away"
    hint = "Nothing is lost: its branches are read again soon."
    status = 503


class NoAccess(UserError):
    """The git host does not let us read the repository (any more), or there is none."""

    code = "source.no-access"
    hint = "Check that the repository is there and that wistro may read it."
    status = 422


class TooManyBranches(NoAccess):
    """More branches than are read: each is compared at every reading, and its first commit becomes a version."""

    code = "source.too-many-branches"
    hint = "Delete branches that are merged, or connect a repository with fewer."


MOST_BRANCHES = 5_000
BRANCH_LONGEST = 255
MESSAGE_LONGEST = 10_000
AUTHOR_LONGEST = 255
_NO_BRANCH = re.compile(
    r"[\x00-\x20\x7f~^:?*\[\\\ud800-\udfff]"
)  # git-check-ref-format, and no half of a pair


def is_branch(name: str) -> bool:
    """Whether a host's word for a branch is one, and can be kept."""
    return 0 < len(name) <= BRANCH_LONGEST and not _NO_BRANCH.search(name)


def kept(text: object, most: int) -> str:
    """What a host says in words, as the database can keep it."""
    return str(text or "")[:most].replace("\0", "").encode(errors="replace").decode()


@dataclass(frozen=True)
class Refs:
    """All branches with their heads, and what the host says about the repository."""

    heads: dict[str, str] = field(default_factory=dict)
    default_branch: str = ""
    repository: str = ""

    @classmethod
    def read(cls, heads: dict[str, str], default_branch: str, repository: str = "") -> Refs:
        """Of what a host says; names that are none are left out. Raises TooManyBranches."""
        heads = {name: sha for name, sha in heads.items() if is_branch(name)}
        if len(heads) > MOST_BRANCHES:
            raise TooManyBranches(f"The repository has more than {MOST_BRANCHES:,} branches")
        default = default_branch if is_branch(default_branch) else ""
        return cls(heads, default, repository)


@dataclass(frozen=True)
class About:
    """What is known of a commit beside its id."""

    message: str = ""
    author: str = ""
    committed_at: datetime | None = None

    @classmethod
    def read(cls, message: object, author: object, committed_at: datetime | None) -> About:
        """Of what a host says: a commit may have any text, or none."""
        return cls(kept(message, MESSAGE_LONGEST), kept(author, AUTHOR_LONGEST), committed_at)


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
