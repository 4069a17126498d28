"""The Hub's GitHub App: named by WISTRO_GITHUB_APP, or made by the manifest flow and kept sealed."""

from __future__ import annotations

import json
import secrets
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from hub.accounts.models import User
from hub.common import safe_http
from hub.common.api.errors import Conflict
from hub.common.sealing import open_sealed, seal
from hub.common.settings import SETTINGS, BadSetting
from hub.sources.hosts import github
from hub.sources.hosts.github import Credentials
from hub.sources.models import App

PERMISSIONS = {"contents": "read", "metadata": "read", "checks": "write", "statuses": "write"}
SECRETS = ("client_secret", "webhook_secret", "pem")


class NoApp(Conflict):
    """This Hub has no GitHub App, and is one where none is made by whoever comes first."""

    code = "source.no-app"
    hint = "Its operator names one by WISTRO_GITHUB_APP. Any git URL works without it."


def current() -> Credentials | None:
    if SETTINGS.github_app is not None:
        return _from_file(SETTINGS.github_app)
    found = App.objects.filter(host=SETTINGS.github_url).first()
    if found is None:
        return None
    kept = json.loads(open_sealed(found.sealed, bound_to=found.bound_to))
    return Credentials(found.app_id, found.slug, found.client_id, *(kept[name] for name in SECRETS))


def needed() -> Credentials:
    """Raises NoApp."""
    if (found := current()) is None:
        raise NoApp("This Hub has no GitHub App")
    return found


@cache
def _from_file(path: Path) -> Credentials:
    """GitHub's own words, as its manifest flow and this file have them."""
    try:
        found = json.loads(path.read_text())
        return msgspec.convert(found | {"app_id": found["id"]}, Credentials)
    except (OSError, ValueError, KeyError, TypeError, msgspec.ValidationError) as error:
        raise BadSetting(
            f"WISTRO_GITHUB_APP is no file with id, slug, client_id, {', '.join(SECRETS)}: {error}"
        ) from error


def may_be_made() -> bool:
    """In production whoever made the App would hold every tenant's key to it."""
    return not SETTINGS.is_production


def manifest() -> dict[str, Any]:
    """What the App is to be: docs.github.com, "Registering a GitHub App from a manifest"."""
    ours = SETTINGS.hub_url.rstrip("/")
    asked = {
        "name": f"wistro {secrets.token_hex(4)}",  # unique on all of GitHub
        "url": ours,
        "redirect_url": f"{ours}/github/made",
        "callback_urls": [f"{ours}/github/installed"],
        "request_oauth_on_install": True,
        "public": True,
        "default_permissions": PERMISSIONS,
    }
    if reaches_us(SETTINGS.github_url):
        asked |= {"hook_attributes": {"url": f"{ours}/hooks/github"}, "default_events": ["push"]}
    return asked  # GitHub refuses a hook that the Internet does not reach


def reaches_us(site: str) -> bool:
    """Whether a webhook from there can reach this Hub: ours is a public address, or theirs is none either."""
    return safe_http.is_public(SETTINGS.hub_url) or not safe_http.is_public(site)


def make(code: str, *, by: User) -> Credentials:
    """Turn the manifest's one-time code into the App; the first one made stays. Raises RefusedByGitHub, HostAway."""
    told = github.call("POST", f"/app-manifests/{code}/conversions").json()
    made = App(
        host=SETTINGS.github_url, app_id=told["id"], slug=told["slug"],
        client_id=told["client_id"], made_by=by,
    )  # fmt: skip
    kept = {name: told[name] for name in SECRETS}
    made.sealed = seal(json.dumps(kept).encode(), bound_to=made.bound_to)
    App.objects.bulk_create([made], ignore_conflicts=True)
    return needed()
