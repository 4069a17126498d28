"""Follow a build's log, then a deployment, by reading again until they have ended. Reading on survives a restarted Hub."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from wistro.errors import UserError
from wistro.hub_client import api
from wistro.hub_client.connection import Hub
from wistro.hub_client.errors import HubRefused, HubUnreachable
from wistro.hub_client.shapes import BuildLine, Deployment, Version

EVERY_S = 0.5
MANY = 200  # lines in a page after which the next one is read at once
FAILED = 500  # from this status on it is the Hub that failed, not what was asked
GONE_S = 60.0  # how long the Hub may be away in between
BUILD_S = 1800.0
HEALTHY_S = 120.0
ENDED = ("ready", "failed", "cancelled", "superseded")


class TookTooLong(UserError):
    """A build or a deployment that has not ended in the time that a command waits."""

    code = "deploy.took-too-long"


@dataclass
class Patience:
    """A clock, a sleep, and how long things may take; tests bring their own."""

    now: Callable[[], float]
    sleep: Callable[[float], None]
    gone_since: float | None = field(default=None, init=False)

    def until(self, limit_s: float, why: str, hint: str) -> Iterator[None]:
        """One pass each EVERY_S until the caller leaves the loop; raises TookTooLong at the limit."""
        end = self.now() + limit_s
        while True:
            yield
            if self.now() >= end:
                raise TookTooLong(why, hint=hint)
            self.sleep(EVERY_S)

    def asked(self, ask: Callable[[], api.Item]) -> api.Item | None:
        """The answer, or None while the Hub or its database is away, but not for longer than GONE_S."""
        try:
            answer = ask()
        except (HubUnreachable, HubRefused) as error:
            if isinstance(error, HubRefused) and error.http_status < FAILED:
                raise
            self.gone_since = self.now() if self.gone_since is None else self.gone_since
            if self.now() - self.gone_since > GONE_S:
                raise
            return None
        self.gone_since = None
        return answer


def build(
    hub: Hub,
    version: Version,
    patience: Patience,
    *,
    on_line: Callable[[BuildLine], None],
    on_wait: Callable[[], None],
) -> Version:
    """The version once its build has ended, whatever way; `on_wait` is called when nothing was new."""
    cursor: str | None = None
    why, hint = f"the build of version {version.number} takes too long", "It goes on at the Hub."
    for _ in patience.until(BUILD_S, why, hint):
        has_more = True
        while has_more:
            page = patience.asked(partial(api.lines, hub, version.id, after=cursor))
            has_more = page is not None and len(page.lines) >= MANY
            if page is not None:
                for line in page.lines:
                    on_line(line)
                cursor = page.cursor or cursor
                if page.done:
                    return api.version(hub, version.id)
        on_wait()
    raise AssertionError("until() ends by raising")


def deployment(
    hub: Hub,
    version: Version,
    environment: str,
    patience: Patience,
    *,
    on_wait: Callable[[], None],
) -> Deployment | None:
    """The version's newest deployment in an environment once it is healthy or has failed; None if it has none."""
    why = f"version {version.number} is still starting in {environment}"
    hint = "Is a machine there to run it? The Hub's fleet page shows them."
    found: Deployment | None = None
    for _ in patience.until(HEALTHY_S, why, hint):
        now = patience.asked(lambda: api.version(hub, version.id))
        if now is not None:
            found = newest(now, environment)
            if found is None or found.state != "starting":
                return found
        on_wait()
    return found


def newest(version: Version, environment: str) -> Deployment | None:
    """By id: they are UUIDv7, so by age."""
    here = [one for one in version.deployments if one.environment == environment]
    return max(here, key=lambda one: one.id, default=None)
