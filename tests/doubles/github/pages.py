"""The pages that a person sees on the way: making an App from a manifest, installing it, authorizing it.

Whoever opens them is signed in as `state.signed_in`. Real forms, so that a browser goes through them.
"""

from __future__ import annotations

import html
import json
import secrets
from urllib.parse import urlencode, urlsplit

from tests.doubles.github import deliveries
from tests.doubles.github.rest import show_repository
from tests.doubles.github.server import Asked, Refused, Said, route, say
from tests.doubles.github.state import App, Installation, State


def page(title: str, body: str, status: int = 200) -> Said:
    text = f"<!doctype html><html lang=en><title>{title}</title><main><h1>{title}</h1>{body}</main>"
    return Said(status, text.encode(), {"content-type": "text/html; charset=utf-8"})


def field(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{html.escape(value)}">'


def to(url: str, **query: str) -> Said:
    joint = "&" if urlsplit(url).query else "?"
    return Said(302, b"", {"location": f"{url}{joint}{urlencode(query)}"})


@route("POST", "/settings/apps/new")
@route("POST", "/organizations/{account}/settings/apps/new")
def new_app(state: State, asked: Asked) -> Said:
    manifest = asked.form().get("manifest", "")
    try:
        read = json.loads(manifest)
        problem = next((one for one in ("name", "url", "redirect_url") if not read.get(one)), None)
    except ValueError:
        problem = "manifest"
    if problem:
        return page("Invalid GitHub App configuration", f"<p>{problem} is wrong</p>", 422)
    state_of = field("state", asked.query.get("state", ""))
    button = '<button type="submit">Create GitHub App</button>'
    form = f'<form method="post" action="/settings/apps/create">{field("manifest", manifest)}{state_of}{button}</form>'
    return page("Create GitHub App", form)


@route("POST", "/settings/apps/create")
def create_app(state: State, asked: Asked) -> Said:
    form = asked.form()
    app = state.make_app(json.loads(form["manifest"]))
    code = state.make_code(app, user=None)
    return to(app.manifest["redirect_url"], code=code, state=form.get("state", ""))


def _app(state: State, asked: Asked) -> App:
    for app in state.apps.values():
        if app.slug == asked.at["slug"]:
            return app
    raise Refused(404, "Not Found")


@route("GET", "/apps/{slug}/installations/new")
def install_page(state: State, asked: Asked) -> Said:
    app, accounts = _app(state, asked), state.users[state.signed_in].accounts
    options = "".join(f"<option>{html.escape(one)}</option>" for one in accounts)
    boxes = "".join(
        f'<label><input type="checkbox" name="r{one.id}"> {html.escape(one.full_name)}</label>'
        for one in state.repositories.values()
        if one.owner in accounts
    )
    form = (
        f'<form method="post" action="/apps/{app.slug}/installations">'
        f"{field('state', asked.query.get('state', ''))}"
        f'<label>Account <select name="account">{options}</select></label>'
        f'<label><input type="checkbox" name="all"> All repositories</label>{boxes}'
        '<button type="submit">Install</button></form>'
    )
    return page(f"Install {html.escape(app.name)}", form)


@route("POST", "/apps/{slug}/installations")
def install(state: State, asked: Asked) -> Said:
    app, form = _app(state, asked), asked.form()
    if form.get("account") not in state.users[state.signed_in].accounts:
        raise Refused(404, "Not Found")
    chosen = {int(name[1:]) for name in form if name[:1] == "r" and name[1:].isdigit()}
    chosen = {one for one in chosen if state.repositories[one].owner == form["account"]}
    made, action = install_on(state, app, form["account"], chosen, takes_all="all" in form)
    callbacks = app.manifest.get("callback_urls") or []
    answer = {"installation_id": str(made.id), "setup_action": action}
    if app.manifest.get("request_oauth_on_install") and callbacks:
        code = state.make_code(app, user=state.signed_in)
        return to(callbacks[0], code=code, state=form.get("state", ""), **answer)
    if setup := app.manifest.get("setup_url"):
        return to(setup, state=form.get("state", ""), **answer)
    return page("Installed", "<p>Thank you</p>")


def install_on(
    state: State, app: App, account: str, repositories: set[int], *, takes_all: bool
) -> tuple[Installation, str]:
    """The App's one installation on an account, made or changed; and which it was."""
    for one in state.installations.values():
        if (one.app_id, one.account) == (app.id, account):
            one.repositories, one.takes_all = repositories, takes_all
            return one, "update"
    made = Installation(state.next_id(), app.id, account, repositories, takes_all)
    state.installations[made.id] = made
    every = [show_repository(state.repositories[one]) for one in state.in_installation(made)]
    deliveries.tell(state, "installation", made, action="created", repositories=every)
    return made, "install"


@route("GET", "/login/oauth/authorize")
def authorize_page(state: State, asked: Asked) -> Said:
    app = _client(state, asked.query.get("client_id", ""))
    redirect = asked.query.get("redirect_uri") or _callbacks(app)[0]
    if redirect not in _callbacks(app):
        return page(
            "Be careful!", "<p>The redirect_uri is not associated with this application.</p>", 400
        )
    hidden = field("state", asked.query.get("state", "")) + field("redirect_uri", redirect)
    form = f'<form method="post" action="/login/oauth/authorize">{field("client_id", app.client_id)}{hidden}<button type="submit">Authorize</button></form>'
    return page(f"Authorize {html.escape(app.name)}", form)


@route("POST", "/login/oauth/authorize")
def authorize(state: State, asked: Asked) -> Said:
    form = asked.form()
    app = _client(state, form.get("client_id", ""))
    if form.get("redirect_uri") not in _callbacks(app):
        raise Refused(404, "Not Found")
    code = state.make_code(app, user=state.signed_in)
    return to(form["redirect_uri"], code=code, state=form.get("state", ""))


@route("POST", "/login/oauth/access_token")
def user_token(state: State, asked: Asked) -> Said:
    """Errors leave with 200, as GitHub's do."""
    form = asked.form()
    app = next((one for one in state.apps.values() if one.client_id == form.get("client_id")), None)
    if app is None or not secrets.compare_digest(app.client_secret, form.get("client_secret", "")):
        return say({"error": "incorrect_client_credentials"})
    code = state.codes.get(form.get("code", ""))
    if code is None or code.app_id != app.id:
        return say({"error": "bad_verification_code"})
    used = state.use_code(form["code"], of_user=True)
    if used is None or used.user is None:
        return say({"error": "bad_verification_code"})
    text = f"ghu_{secrets.token_hex(18)}"
    state.user_tokens[text] = (used.user, app.id)
    return say({"access_token": text, "token_type": "bearer", "scope": ""})


def _client(state: State, client_id: str) -> App:
    for app in state.apps.values():
        if app.client_id == client_id:
            return app
    raise Refused(404, "Not Found")


def _callbacks(app: App) -> list[str]:
    return app.manifest.get("callback_urls") or ["about:blank"]
