"""The errors of the API. Raise one of these, or a UserError of your own with `code`, `hint` and `status`.

How they leave, in one shape, is hub/common/api/answers.py's.
"""

from __future__ import annotations

from wistro.errors import UserError


class Invalid(UserError):
    """A body or parameter that does not fit; `fields` says which and why."""

    code = "request.invalid"
    status = 422


class Unreadable(UserError):
    """A body that is not JSON."""

    code = "request.unreadable"
    hint = "Send JSON with Content-Type: application/json."


class UnknownType(UserError):
    """A body of a type that the route does not take."""

    code = "request.type"
    hint = "Send JSON with Content-Type: application/json."
    status = 415


class NotFound(UserError):
    """Nothing there, or nothing that the asker may know of."""

    code = "request.not-found"
    status = 404


class SignIn(UserError):
    """The route wants someone signed in."""

    code = "access.sign-in"
    hint = "Sign in, or run `wistro login`."
    status = 401


class NotAllowed(UserError):
    """Known here, but this is for others."""

    code = "access.not-allowed"
    status = 403


class NotByToken(UserError):
    """A token without the scope that the route wants."""

    code = "access.scope"
    hint = "Run `wistro login` again, or use the Hub in a browser."
    status = 403


class BadMethod(UserError):
    """The route has no such method."""

    code = "request.method"
    status = 405


class TooMany(UserError):
    """Asked too often."""

    code = "request.too-many"
    hint = "Wait for the seconds in Retry-After."
    status = 429


class TooLarge(UserError):
    """A body over the route's limit."""

    code = "request.too-large"
    status = 413


class TooSlow(UserError):
    """A request whose headers or body took longer than they may."""

    code = "request.too-slow"
    hint = "Send it again over a faster connection."
    status = 408


class Busy(UserError):
    """As much is being received as the Hub holds at once."""

    code = "request.busy"
    hint = "Try again after the seconds in Retry-After."
    status = 503


class Conflict(UserError):
    """It is not as the asker thought: taken, changed in between, or still in use."""

    code = "request.conflict"
    status = 409


class ChangedMeanwhile(Conflict):
    """Another request changed or removed the same thing at the same moment; nothing of this one was done."""

    code = "request.changed-meanwhile"
    hint = "Read it again, and try again if it is still there."


class Ours(UserError):
    """We failed. The whole of it is in our log under the request's id."""

    code = "hub.failed"
    hint = "Try again; if it stays, tell us the request id in X-Request-Id."
    status = 500
