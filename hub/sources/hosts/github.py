"""GitHub by its App: JWTs, installation tokens limited to one repository, and the calls we make with them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec
from joserfc import jwt
from joserfc.jwk import RSAKey

from hub.common import safe_http
from hub.common.safe_http import Answer, Unreachable
from hub.common.settings import SETTINGS
from hub.sources.hosts.port import About, HostAway, NoAccess, Refs
from wistro.protocol.machine import GitSource

READ = {"contents": "read"}
LIST = {"metadata": "read"}
JWT_LASTS_S = 540  # GitHub takes ten minutes at most, by its own clock
CLOCK_S = 60
A_PAGE = 100
MOST_PAGES = 100
VERSION = "2022-11-28"
_NEXT = re.compile(r'<([^>]+)>;\s*rel="next"')
PREFIX = "refs/heads/"


@dataclass(frozen=True)
class Credentials:
    """The Hub's App on GitHub."""

    app_id: int
    slug: str
    client_id: str
    client_secret: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    pem: str = field(repr=False)

    def jwt(self, *, now_s: int) -> str:
        claims = {"iat": now_s - CLOCK_S, "exp": now_s + JWT_LASTS_S, "iss": str(self.app_id)}
        return jwt.encode({"alg": "RS256"}, claims, RSAKey.import_key(self.pem))


class RefusedByGitHub(NoAccess):
    """GitHub answers no: not there, not allowed, or not as it should be. `answer` says which."""

    code = "source.github-refused"
    hint = "Look at the App's installation on GitHub: is it there, and does it have the repository?"

    def __init__(self, message: str, *, http_status: int) -> None:
        super().__init__(message)
        self.http_status = http_status


def call(
    method: str, path: str, *, token: str = "", body: Any = None, base: str | None = None
) -> Answer:
    """One request to the API (or to `base`). Raises HostAway, RefusedByGitHub."""
    url = path if path.startswith("https://") else f"{base or SETTINGS.github_api_url}{path}"
    headers = {"accept": "application/vnd.github+json", "x-github-api-version": VERSION}
    if token:
        headers["authorization"] = f"Bearer {token}"
    sent = None
    if body is not None:
        sent, headers["content-type"] = msgspec.json.encode(body), "application/json"
    try:
        answer = safe_http.ask(method, url, headers=headers, body=sent)
    except Unreachable as error:
        raise HostAway(f"GitHub does not answer: {error.message}") from error
    if answer.is_ok:
        return answer
    said = _message(answer)
    limited = answer.status in (403, 429) and (
        answer.headers.get("x-ratelimit-remaining") == "0" or "retry-after" in answer.headers
    )
    if answer.status >= 500 or answer.status == 429 or limited:
        raise HostAway(f"GitHub does not answer now: {answer.status} {said}")
    raise RefusedByGitHub(f"GitHub answers {answer.status}: {said}", http_status=answer.status)


def _message(answer: Answer) -> str:
    try:
        return str(answer.json().get("message", ""))[:300]
    except (Unreachable, AttributeError):
        return ""


def pages(path: str, *, token: str, key: str | None = None) -> Iterator[Any]:
    """Every item of a list, page by page; only the API's own address is followed."""
    url: str | None = f"{SETTINGS.github_api_url}{path}?per_page={A_PAGE}"
    for _ in range(MOST_PAGES):
        if url is None:
            return
        answer = call("GET", url, token=token)
        found = answer.json()
        yield from found[key] if key else found
        more = _NEXT.search(answer.headers.get("link", ""))
        url = more[1] if more and _is_api(more[1]) else None


def _is_api(url: str) -> bool:
    return safe_http.origin_of(url) == safe_http.origin_of(SETTINGS.github_api_url)


def as_app(app: Credentials, method: str, path: str, body: Any = None) -> Any:
    return call(method, path, token=app.jwt(now_s=int(time.time())), body=body).json()


def token_for(
    app: Credentials,
    installation_id: int,
    permissions: Mapping[str, str],
    repository_id: int | None = None,
) -> str:
    """A token of the installation for an hour at most, with these permissions in this repository alone."""
    wish: dict[str, Any] = {"permissions": dict(permissions)}
    if repository_id is not None:
        wish["repository_ids"] = [repository_id]
    path = f"/app/installations/{installation_id}/access_tokens"
    return str(as_app(app, "POST", path, wish)["token"])


def repositories(app: Credentials, installation_id: int) -> Iterator[dict[str, Any]]:
    token = token_for(app, installation_id, LIST)
    return pages("/installation/repositories", token=token, key="repositories")


@dataclass(frozen=True)
class GitHubHost:
    """One repository, known by its id: a renaming keeps it."""

    app: Credentials
    installation_id: int
    repository_id: int
    repository: str
    _tokens: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def site(self) -> str:
        return SETTINGS.github_url

    def token(self, permissions: Mapping[str, str]) -> str:
        """Asked for once in this object's life, which is one reading or one report."""
        name = ",".join(f"{what}:{how}" for what, how in sorted(permissions.items()))
        if name not in self._tokens:
            self._tokens[name] = token_for(
                self.app, self.installation_id, permissions, self.repository_id
            )
        return self._tokens[name]

    def named(self, token: str) -> dict[str, Any]:
        """The repository as GitHub has it now: its name and default branch may have changed."""
        return call("GET", f"/repositories/{self.repository_id}", token=token).json()

    def refs(self) -> Refs:
        token = self.token(READ)
        found = self.named(token)
        name = str(found["full_name"])
        try:
            listed = list(pages(f"/repos/{name}/git/matching-refs/heads/", token=token))
        except RefusedByGitHub as error:
            if error.http_status != 409:  # an empty repository
                raise
            listed = []
        heads = {str(one["ref"]).removeprefix(PREFIX): str(one["object"]["sha"]) for one in listed}
        return Refs.read(heads, str(found["default_branch"]), name)

    def about(self, sha: str) -> About:
        found = call(
            "GET", f"/repos/{self.repository}/commits/{quote(sha)}", token=self.token(READ)
        ).json()["commit"]
        author = found.get("author") or {}
        return About.read(found.get("message"), author.get("name"), instant(author.get("date")))

    def order(self, sha: str, branch: str) -> GitSource:
        return GitSource(
            url=f"{SETTINGS.github_url}/{self.repository}.git",
            commit=sha,
            ref=f"{PREFIX}{branch}",
            username="x-access-token",
            token=self.token(READ),
        )


def instant(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
