"""The two families of errors: what its reader can fix (`UserError`), and everything else (ours).

Define an error beside what raises it. Every code stands in docs/errors.md; a test compares them.
"""

from __future__ import annotations

from typing import Any, ClassVar


class UserError(Exception):
    """Something the reader can fix: exit 1 or HTTP 4xx, never a traceback.

    `code` is stable; `hint` says what to do; `fields` maps a field's path to what is wrong with it;
    `where` is `file:line` when there is one.
    """

    code: ClassVar[str] = "user.error"
    hint: str | None = None
    status: ClassVar[int] = 400  # the HTTP status when it leaves by an API

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        fields: dict[str, str] | None = None,
        where: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint if hint is not None else type(self).hint
        self.fields = fields or {}
        self.where = where

    def as_body(self) -> dict[str, Any]:
        """The one shape in which every API of ours answers an error."""
        return {
            "error": {
                "code": self.code,
                "message": self.message,
                "hint": self.hint,
                "fields": self.fields,
            }
        }


class NotYet(UserError):
    """A documented key, option or kind that this release does not build; refused, never ignored."""

    code = "lock.not-yet"
    hint = "Remove it, or follow the changelog for the release that brings it."
