"""Why a build fails, in words for whoever pushed. Each ends the build with a Problem on the wire."""

from __future__ import annotations

from wistro.errors import UserError
from wistro.protocol.machine import Problem


class BuildFailed(UserError):
    """The project, or what it was built from, has to change."""

    code = "build.failed"


class GitDenied(BuildFailed):
    """The git host does not let us read the repository."""

    code = "build.git-denied"
    hint = "Connect the repository again, so that wistro may read it."


class GitNotFound(BuildFailed):
    """The git host has no such repository."""

    code = "build.git-not-found"
    hint = "Was it renamed or deleted? Connect the repository again."


class CommitGone(BuildFailed):
    """The repository no longer has the commit."""

    code = "build.commit-gone"
    hint = "It was probably replaced by a forced push; the newer commit has a version of its own."


class GitAddress(BuildFailed):
    """The repository's address is none that a build may reach."""

    code = "build.git-address"
    hint = "A repository is fetched over https from a public address."


class GitFailed(BuildFailed):
    """git failed for a reason of its own."""

    code = "build.git"
    hint = "The build's log has what git said."


class UnsafeFile(BuildFailed):
    """A link out of the project, or something that is no file."""

    code = "build.unsafe-file"
    hint = "Links may lead to places inside the project only; devices and sockets are not kept."


class TooLarge(BuildFailed):
    """The commit, or what was installed, is larger than a build may be."""

    code = "build.too-large"
    hint = "Leave generated files and data out of the repository."


class TooSlow(BuildFailed):
    """A stage of a build passed its time."""

    code = "build.too-slow"
    hint = "Push again to try again; the build's log shows how far it came."


class InstallFailed(BuildFailed):
    """The package installer failed."""

    code = "build.install"
    hint = "The build's log has the installer's words; the same command fails on your machine too."


class RuntimeMissing(BuildFailed):
    """`runtimes` names a version that the builder does not have."""

    code = "build.runtime"
    hint = "Change `runtimes` in wistro.yml to a version that the fleet has."


class LockDiffers(BuildFailed):
    """The committed lock is not what the project compiles to."""

    code = "build.lock-differs"
    hint = "Run `wistro lock`, look at the difference, and commit it."


class StateOfOnesOwn(BuildFailed):
    """The project keeps state in files or in a Redis: for one's own machine; the fleet's engines keep it themselves."""

    code = "build.state"
    hint = "Leave `state` out of wistro.yml: an environment's state is in its store, in the transaction that wrote it."


class CompileBroke(BuildFailed):
    """Compiling ended without an answer."""

    code = "build.compile"
    hint = "The build's log has what was said before it ended."


class SourceDiffers(BuildFailed):
    """What was uploaded is not what its list says."""

    code = "build.source"
    hint = "Deploy the folder again."


def as_problem(error: UserError) -> Problem:
    return Problem(error.code, error.message, hint=error.hint, where=error.where)
