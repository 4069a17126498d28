"""What someone shows by authorizing the App at GitHub: which installations they may use, and what they may see there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from hub.common import safe_http
from hub.common.settings import SETTINGS
from hub.sources.hosts import github
from hub.sources.hosts.github import Credentials


def authorize_url(app: Credentials, state: str) -> str:
    """GitHub's page that comes straight back with a code once the App was authorized there."""
    back = f"{SETTINGS.hub_url.rstrip('/')}/github/installed"
    query = {"client_id": app.client_id, "redirect_uri": back, "state": state}
    return f"{SETTINGS.github_url}/login/oauth/authorize?{urlencode(query)}"


def token_of(app: Credentials, code: str) -> str | None:
    """The token of the user who came back with this code; it is not kept."""
    if not code:
        return None
    secret = {"client_id": app.client_id, "client_secret": app.client_secret, "code": code}
    answer = safe_http.ask(
        "POST",
        f"{SETTINGS.github_url}/login/oauth/access_token",
        headers={
            "accept": "application/json",
            "content-type": "application/x-www-form-urlencoded",
        },
        body=urlencode(secret).encode(),
    )
    token = answer.json().get("access_token") if answer.is_ok else None
    return token if isinstance(token, str) else None


def installations_of(token: str) -> list[Mapping[str, Any]]:
    """Those of the App that this user may use."""
    return list(github.pages("/user/installations", token=token, key="installations"))


def seen_in(installation: Mapping[str, Any], token: str) -> list[int] | None:
    """The repositories of an installation that this user may see; None when the account is theirs: all, later ones too."""
    me = github.call("GET", "/user", token=token).json()
    if str(installation["account"]["login"]).lower() == str(me["login"]).lower():
        return None
    path = f"/user/installations/{installation['id']}/repositories"
    return [int(one["id"]) for one in github.pages(path, token=token, key="repositories")]
