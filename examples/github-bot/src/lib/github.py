"""The part of GitHub's API that the bot uses, with the standard library alone."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from wistro_sdk import NonRetriable, RetryAfter

TIMEOUT_S = 10


class GitHub:
    def __init__(self, env) -> None:
        self._api, self._token = env["GITHUB_API"].rstrip("/"), env["GITHUB_TOKEN"]

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._ask("POST", path, body)

    def get(self, path: str) -> Any:
        return self._ask("GET", path)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """What GitHub says about its limits decides when it is tried again."""
        request = urllib.request.Request(
            self._api + path,
            json.dumps(body).encode() if body is not None else None,
            {
                "accept": "application/vnd.github+json",
                "authorization": f"Bearer {self._token}",
                "content-type": "application/json",
                "user-agent": "wistro-github-bot",
            },
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code in (403, 429) and error.headers.get("retry-after", "").isdigit():
                raise RetryAfter(int(error.headers["retry-after"])) from error
            if error.code in (401, 404, 410, 422):
                raise NonRetriable(f"GitHub answered {error.code} to {method} {path}") from error
            raise
