"""The three addresses that a browser passes on its way through GitHub: to make the App, back from that, back from installing."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from csp.constants import SELF
from csp.decorators import csp_update
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from hub.common import doors
from hub.common.api.access import declared, signed_in
from hub.common.api.errors import NotFound, SignIn
from hub.common.settings import SETTINGS
from hub.common.tenancy import tenant
from hub.projects.models import Project
from hub.sources import app, authorizing, connecting
from hub.sources.connecting import APP, INSTALL, WAY
from wistro.errors import UserError
from wistro.protocol import ids

Page = Callable[[HttpRequest], HttpResponse]


class WaitsForOwner(UserError):
    """Someone asked for the installation who may not decide on it at GitHub."""

    code = "source.waits-for-owner"
    hint = "Once an owner of the GitHub organization has approved it, begin again: Connect GitHub."
    status = 409


class CodeMissing(UserError):
    """GitHub sent the browser back without the code it sends."""

    code = "source.code-missing"
    hint = "Begin again: Connect GitHub, in the project's settings."


def page(view: Page) -> Page:
    """A GET of someone signed in, outside any transaction; what they can mend is told as a page."""

    @wraps(view)
    def shown(request: HttpRequest) -> HttpResponse:
        try:
            if not request.user.is_authenticated:
                raise SignIn("You are not signed in", hint="Sign in, and begin again.")
            return view(request)
        except UserError as error:
            return render(request, "sources/refused.html", {"error": error}, status=error.status)

    plain = require_http_methods(["GET"])(never_cache(shown))
    return transaction.non_atomic_requests(declared(GET=signed_in())(plain))


def _session(request: HttpRequest) -> str:
    return request.session.session_key or ""


def _state(request: HttpRequest, *, purpose: str, use: bool = True) -> connecting.ConnectState:
    user: Any = request.user
    return connecting.check_state(
        request.GET.get("state", ""), user, _session(request),
        purpose=purpose, use=use,
    )  # fmt: skip


@page
@csp_update({"form-action": [SELF, SETTINGS.github_url]})
def new_app(request: HttpRequest) -> HttpResponse:
    """A form to GitHub with what the App is to be; a person sends it off."""
    state = _state(request, purpose=APP, use=False)
    with tenant(state.organization_id):
        back = connecting.back_to(state.project)
    manifest = app.manifest()
    to = f"{SETTINGS.github_url}/settings/apps/new?{urlencode({'state': request.GET['state']})}"
    told = {
        "to": to,
        "manifest": json.dumps(manifest),
        "has_hook": "hook_attributes" in manifest,
        "hub": SETTINGS.hub_url,
        "back": back,
    }
    return render(request, "sources/new_app.html", told)


@page
def app_made(request: HttpRequest) -> HttpResponse:
    """Back with the code that becomes the App; on to installing it."""
    state = _state(request, purpose=APP)
    code = request.GET.get("code", "")
    if not code.isalnum() or len(code) > 200:
        raise CodeMissing("GitHub sent no code for the App")
    user: Any = request.user
    made = app.make(code, by=user)
    with tenant(state.organization_id):
        following = connecting.new_state(state.project, user, _session(request), purpose=INSTALL)
    return redirect(connecting.install_url(made.slug, following))


@page
def authorize(request: HttpRequest) -> HttpResponse:
    """To GitHub, for an App that is installed there already: its installation page sends nobody back who changes nothing."""
    user: Any = request.user
    project_id = ids.read("project", request.GET.get("project", ""))
    place = doors.organization_of("project", project_id, user.pk)
    if place is None:
        raise NotFound("There is nothing here")
    credentials = app.needed()
    with tenant(place.organization_id):
        project = Project.objects.get(pk=project_id)
        state = connecting.new_state(project, user, _session(request), purpose=INSTALL)
    return redirect(authorizing.authorize_url(credentials, state))


@page
def installed(request: HttpRequest) -> HttpResponse:
    """Back from installing, with the installation; from authorizing, with none or with the one that was picked."""
    if "state" not in request.GET and (project := request.session.get(WAY)) is not None:
        return redirect(f"/github/authorize?{urlencode({'project': project})}")
    state = _state(request, purpose=INSTALL)
    if request.GET.get("setup_action") == "request":
        raise WaitsForOwner("An owner of the GitHub organization has to approve the installation")
    code = request.GET.get("code", "")
    if state.picked is None and "installation_id" not in request.GET:
        return _picking(request, state, code)
    named = request.GET.get("installation_id", "") if state.picked is None else str(state.picked)
    connecting.installed(state, installation=named, code=code)
    with tenant(state.organization_id):
        return redirect(connecting.back_to(state.project))


def _picking(request: HttpRequest, state: connecting.ConnectState, code: str) -> HttpResponse:
    """Which account's installation is meant: nothing is connected before it is chosen."""
    session = _session(request)
    found = connecting.picks(state, session, code)
    user: Any = request.user
    with tenant(state.organization_id):
        following = connecting.new_state(state.project, user, session, purpose=INSTALL)
        back = connecting.back_to(state.project)
    elsewhere = connecting.install_url(app.needed().slug, following)
    if not found:
        return redirect(elsewhere)
    told = {"picks": found, "elsewhere": elsewhere, "back": back}
    return render(request, "sources/accounts.html", told)
