"""What can go wrong between a command and the Hub."""

from __future__ import annotations

from wistro.errors import UserError


class HubUnreachable(UserError):
    """No answer from the Hub: wrong address, not running, or the network is down."""

    code = "hub.unreachable"
    hint = "Is the address right, and the Hub running? `--hub` or WISTRO_HUB_URL sets another."


class HubUnreadable(UserError):
    """What answered at the Hub's address does not speak as the Hub does."""

    code = "hub.unreadable"
    hint = "Is the address the Hub's own? If it is, upgrade wistro: the Hub may be newer."


class NotSignedIn(UserError):
    """The Hub wants a token and there is none, or it has ended."""

    code = "hub.not-signed-in"
    hint = "Run `wistro login`, or set WISTRO_TOKEN."
    status = 401


class HubRefused(UserError):
    """The Hub's own refusal: its code, message, hint and fields are passed on as they are."""

    code = "hub.refused"

    def __init__(
        self,
        message: str,
        *,
        http_status: int,
        code: str | None = None,
        hint: str | None = None,
        fields: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message, hint=hint, fields=fields)
        self.http_status = http_status
        if code:
            self.code = code  # type: ignore[misc]


class FileChanged(UserError):
    """A file went away or changed while it was sent."""

    code = "deploy.file-changed"
    hint = "Run the command again when nothing writes to the folder."


class BadHubAddress(UserError):
    """An address that is none, or would carry the token in the clear."""

    code = "hub.address"
    hint = "It looks like https://hub.example.com; plain http is for this machine only."
