"""What verifies callers, for tests whose callers need no identity provider, or have one of the test's own."""

from __future__ import annotations

from wistro.auth.fetch import Fetched, NotFetched
from wistro.auth.verify import Verifier


def a_verifier(answers: dict[str, bytes] | None = None) -> Verifier:
    """`answers` are bodies by URL; every other address is not there."""

    async def fetch(url: str) -> Fetched:
        try:
            return Fetched((answers or {})[url])
        except KeyError:
            raise NotFetched("there is nothing") from None

    return Verifier(fetch)
