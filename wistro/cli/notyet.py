"""Commands that are documented and not built in this release."""

from __future__ import annotations

from wistro.errors import UserError


class CommandNotYet(UserError):
    """A documented command that this release does not have; it does nothing and exits 2."""

    code = "cli.not-yet"
    hint = "`wistro --help` lists what there is; the changelog says when it comes."
