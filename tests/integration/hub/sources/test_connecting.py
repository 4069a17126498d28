"""The way through GitHub's pages: the App made, installed, verified; what is reused, foreign or expired is refused."""

from __future__ import annotations

import html
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.db.models.functions import Now

from hub.common import sealing
from hub.common.settings import SETTINGS
from hub.common.tenancy import tenant
from hub.projects.actions import make_project
from hub.sources import app, connecting, reading
from hub.sources.models import App, ConnectState, Installation, Source
from tests.doubles.github import GitHub
from tests.factories.accounts import a_member, a_user
from tests.integration.hub.sources.conftest import (
    Connected,
    a_manifest,
    an_organization_with_project,
    asked,
    the_app,
)
from wistro.protocol.ids import show

pytestmark = pytest.mark.django_db


def start(api: Any, owner: Any, project: Any) -> tuple[Any, str]:
    """A browser of this user, and where it is sent."""
    browser = api(owner)
    answer = browser.post(f"/api/v1/projects/{show('project', project.pk)}/source/github/start")
    assert answer.status_code == 200, answer.content
    return browser, answer.json()["redirect_url"]


def of(url: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def filled(page: str, **more: str) -> tuple[str, dict[str, str]]:
    """A page's form: where it goes, and its hidden fields."""
    to = re.search(r'<form method="post" action="([^"]+)"', page)
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    assert to is not None
    return html.unescape(to[1]), {name: html.unescape(text) for name, text in fields} | more


def install(github: GitHub, url: str, account: str) -> str:
    """Go through GitHub's installation page; where it sends the browser back to."""
    to, form = filled(github.http.get(url).text, account=account, all="on")
    answer: httpx.Response = github.http.post(to, data=form)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def test_from_no_app_to_a_connected_repository(github: GitHub, api: Any) -> None:
    github.user("octo", ["octo", "new-account"], sign_in=True)
    github.repository("new-account/shop", private=True)
    sha = github.push("new-account/shop", {"a": "1"})
    organization, owner, project = an_organization_with_project()
    browser, url = start(api, owner, project)
    assert urlsplit(url).path == "/github/new"

    page = browser.get(path_of(url))
    assert SETTINGS.github_url in page["Content-Security-Policy"]
    to, form = filled(page.content.decode())
    manifest = json.loads(form["manifest"])
    assert manifest["hook_attributes"]["url"] == f"{SETTINGS.hub_url}/hooks/github"
    to, form = filled(github.http.post(to, data=form).text)
    made = github.http.post(to, data=form).headers["location"]
    on = browser.get(path_of(made))
    assert on.status_code == 302, on.content
    back = install(github, on["Location"], "new-account")
    there = browser.get(path_of(back))

    assert there.status_code == 302, there.content
    assert there["Location"] == (
        f"{SETTINGS.hub_url}/new?in={organization.slug}&project={project.slug}"
    )
    source = f"/api/v1/projects/{show('project', project.pk)}/source"
    assert browser.get(source).json()["state"] == "choose a repository"
    listed = browser.get(f"{source}/github/repositories").json()["items"]
    assert [one["full_name"] for one in listed] == ["new-account/shop"]
    chosen = browser.put(f"{source}/github", {"repository": "new-account/shop"})
    assert (chosen.status_code, chosen.json()["default_branch"]) == (200, "main")
    with tenant(organization):
        row = Source.objects.get()
    reading.read(organization.pk, row.pk)
    shown = browser.get(f"/api/v1/projects/{show('project', project.pk)}").json()["source"]
    assert shown == {
        "kind": "github",
        "repository": "new-account/shop",
        "default_branch": "main",
        "state": "connected",
        "problem": None,
    }
    versions = browser.get(f"/api/v1/projects/{show('project', project.pk)}/versions").json()
    assert [one["commit"]["sha"] for one in versions["items"]] == [sha]


@pytest.fixture
def begun(github: GitHub, api: Any) -> tuple[Any, str, Any]:
    """A browser that went to GitHub and is sent back: the browser, the way back, the organization."""
    github.user("octo", ["octo", "some-account"], sign_in=True)
    the_app(github)
    organization, owner, project = an_organization_with_project()
    browser, url = start(api, owner, project)
    return browser, install(github, url, "some-account"), organization


def refused(answer: Any, code: str, status: int = 403) -> bool:
    return answer.status_code == status and code in answer.content.decode()


def test_a_state_works_once(begun: tuple[Any, str, Any]) -> None:
    browser, back, organization = begun

    assert browser.get(path_of(back)).status_code == 302
    assert refused(browser.get(path_of(back)), "source.state")
    with tenant(organization):
        assert Installation.objects.count() == 1


def test_a_state_of_another_session_user_or_purpose_is_refused(
    begun: tuple[Any, str, Any], api: Any
) -> None:
    browser, back, organization = begun
    with tenant(organization):
        owner = ConnectState.objects.select_related("user").get().user

    assert refused(api(owner).get(path_of(back)), "source.state")  # the same user elsewhere
    assert refused(api(a_user()).get(path_of(back)), "source.state")
    assert refused(api().get(path_of(back)), "access.sign-in", 401)
    assert refused(browser.get(path_of(back).replace("installed", "made")), "source.state")
    assert refused(browser.get("/github/installed?state=guess"), "source.state")
    assert refused(api(owner).get("/github/installed"), "source.state")
    assert browser.get(path_of(back)).status_code == 302  # none of them used it up


def test_a_state_that_has_ended_is_refused(begun: tuple[Any, str, Any]) -> None:
    browser, back, organization = begun
    with tenant(organization):
        ConnectState.objects.update(expires_at=Now())

    assert refused(browser.get(path_of(back)), "source.state")


def test_a_removed_members_state_is_refused(github: GitHub, api: Any) -> None:
    the_app(github)
    organization, _, project = an_organization_with_project()
    member = a_member(organization)
    browser, url = start(api, member.user, project)
    with tenant(organization):
        member.delete()

    answer = browser.get(f"/github/installed?state={of(url)['state']}&installation_id=1&code=1")

    assert refused(answer, "source.state")


@pytest.mark.parametrize("id", ["1", "", "x", "9" * 30])
def test_an_unknown_installation_is_refused(begun: tuple[Any, str, Any], id: str) -> None:
    browser, back, organization = begun
    told = of(back)

    answer = browser.get(
        f"/github/installed?state={told['state']}&code={told['code']}&installation_id={id}"
    )

    assert refused(answer, "source.not-your-installation")
    with tenant(organization):
        assert not Installation.objects.exists() and not Source.objects.exists()


def test_anothers_installation_is_refused(begun: tuple[Any, str, Any], github: GitHub) -> None:
    """Mallory names an installation that is not theirs, with a valid state and their own code, or without one."""
    browser, back, organization = begun
    github.user("mallory", ["mallory"])
    told, code = of(back), github.user_code(the_app(github), "mallory")
    id = told["installation_id"]

    answer = browser.get(
        f"/github/installed?state={told['state']}&installation_id={id}&code={code}"
    )

    assert refused(answer, "source.not-your-installation")
    with tenant(organization):
        assert not Installation.objects.exists()


def test_a_request_that_waits_for_its_owner_is_said(begun: tuple[Any, str, Any]) -> None:
    browser, back, _ = begun

    answer = browser.get(f"/github/installed?state={of(back)['state']}&setup_action=request")

    assert refused(answer, "source.waits-for-owner", 409)


def test_a_manifests_code_that_was_used_is_said(github: GitHub, api: Any) -> None:
    _, owner, project = an_organization_with_project()
    browser, url = start(api, owner, project)
    code = github.make_app(a_manifest())["code"]
    github.http.post(f"/api/v3/app-manifests/{code}/conversions")

    answer = browser.get(f"/github/made?state={of(url)['state']}&code={code}")

    assert refused(answer, "source.github-refused", 422)
    assert app.current() is None


def test_a_second_project_needs_no_second_installation(world: Connected, api: Any) -> None:
    with tenant(world.organization):
        other = make_project("Other", slug=None, by=world.owner)

    browser, url = start(api, world.owner, other)

    assert url.startswith(f"{SETTINGS.hub_url}/new?")
    path = f"/api/v1/projects/{show('project', other.pk)}/source"
    assert browser.get(path).json()["state"] == "choose a repository"
    browser, url = start(api, world.owner, other)
    assert url.startswith(f"{SETTINGS.github_url}/apps/")


def authorized(github: GitHub, url: str) -> str:
    """Go through GitHub's page that authorizes the App; where it sends the browser back to."""
    to, form = filled(github.http.get(url).text)
    return github.http.post(to, data=form).headers["location"]


def test_another_organization_connects_an_account_where_the_app_is_installed(
    world: Connected, api: Any
) -> None:
    """GitHub's installation page of an installed App sends back without a state, or not at all."""
    account = world.repository.partition("/")[0]
    world.github.user("octo", [account], sign_in=True)
    other, owner, project = an_organization_with_project()
    browser, _ = start(api, owner, project)

    on = browser.get("/github/installed?installation_id=1&setup_action=update&code=foreign")
    assert on["Location"] == f"/github/authorize?project={show('project', project.pk)}"
    back = authorized(world.github, browser.get(on["Location"])["Location"])
    page = browser.get(path_of(back))
    with tenant(other):
        assert not Installation.objects.exists()  # nothing is connected before it is chosen
    (pick,) = re.findall(rf'<a href="([^"]+)">Use {account}</a>', page.content.decode())
    there = browser.get(path_of(authorized(world.github, html.unescape(pick))))

    assert there["Location"].startswith(f"{SETTINGS.hub_url}/new?in={other.slug}&")
    with tenant(other):
        assert Installation.objects.get().installation_id == world.installation
    source = f"/api/v1/projects/{show('project', project.pk)}/source"
    listed = browser.get(f"{source}/github/repositories").json()["items"]
    assert [one["full_name"] for one in listed] == [world.repository]
    assert refused(browser.get(path_of(back)), "source.state")


def test_authorizing_without_an_installation_leads_to_installing(github: GitHub, api: Any) -> None:
    github.user("fresh", ["fresh"], sign_in=True)
    the_app(github)
    _, owner, project = an_organization_with_project()
    browser, path = api(owner), f"/github/authorize?project={show('project', project.pk)}"

    back = authorized(github, browser.get(path)["Location"])
    on = browser.get(path_of(back))

    assert "/installations/new?state=" in on["Location"]
    assert browser.get(path_of(install(github, on["Location"], "fresh"))).status_code == 302


def test_a_strangers_project_is_not_authorized_for(world: Connected, api: Any) -> None:
    path = f"/github/authorize?project={show('project', world.project.pk)}"

    assert refused(api(a_user()).get(path), "request.not-found", 404)
    assert api(a_user()).get("/github/authorize?project=x").status_code in (400, 404, 422)
    assert refused(api().get(path), "access.sign-in", 401)


def test_a_collaborator_connects_only_what_they_may_see_at_github(
    world: Connected, api: Any
) -> None:
    """The installation has both; who was invited to one repository must not read the other through us."""
    account = world.repository.partition("/")[0]
    seen = f"{account}/website"
    world.github.repository(seen)
    id = world.github.install(world.app_id, account, [world.repository, seen])
    world.github.user("guest", [account], sees=[seen])
    organization, owner, project = an_organization_with_project()
    with tenant(organization):
        text = connecting.new_state(project, owner, "s", purpose="install")
    state = connecting.check_state(text, owner, "s", purpose="install", use=True)

    code = world.github.user_code(world.app_id, "guest")
    connecting.installed(state, installation=str(id), code=code)

    source = f"/api/v1/projects/{show('project', project.pk)}/source"
    listed = api(owner).get(f"{source}/github/repositories").json()["items"]
    assert [one["full_name"] for one in listed] == [seen]
    wish = {"repository": world.repository}
    answer = asked(api(owner).put, f"{source}/github", wish)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "source.repository")


def test_what_several_members_may_see_adds_up(world: Connected) -> None:
    account = world.repository.partition("/")[0]
    first, second = f"{account}/first", f"{account}/second"
    numbers = [world.github.repository(one) for one in (first, second)]
    id = world.github.install(world.app_id, account, [first, second])
    organization, owner, project = an_organization_with_project()

    for login, sees in (("one", first), ("two", second), ("one", first)):
        world.github.user(login, [account], sees=[sees])
        with tenant(organization):
            text = connecting.new_state(project, owner, "s", purpose="install")
        state = connecting.check_state(text, owner, "s", purpose="install", use=True)
        code = world.github.user_code(world.app_id, login)
        connecting.installed(state, installation=str(id), code=code)

    with tenant(organization):
        assert Installation.objects.get().repository_ids == sorted(numbers)


def test_a_repository_outside_the_installation_is_refused(world: Connected, api: Any) -> None:
    world.github.repository(world.repository + "-other")

    wish = {"repository": world.repository + "-other"}
    answer = asked(api(world.owner).put, f"{world.path}/github", wish)

    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "source.repository"
    assert world.source.repository == world.repository


def test_disconnecting_and_refreshing(world: Connected, api: Any) -> None:
    browser = api(world.owner)
    assert browser.post(f"{world.path}/refresh").status_code == 204
    assert browser.delete(world.path).status_code == 204
    assert browser.get(world.path).json()["kind"] == "none"
    for answer in (browser.delete(world.path), browser.post(f"{world.path}/refresh")):
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "source.none")


def test_the_apps_secrets_are_sealed_and_open_nowhere_else(github: GitHub) -> None:
    the_app(github)
    row = App.objects.get()
    kept = app.current()
    assert kept is not None

    assert kept.pem.encode() not in bytes(row.sealed)
    row.app_id += 1
    with pytest.raises(sealing.NotOurs):
        sealing.open_sealed(row.sealed, bound_to=row.bound_to)


def test_the_first_app_made_stays(github: GitHub) -> None:
    first = the_app(github)

    again = app.make(github.make_app(a_manifest())["code"], by=a_user())

    assert again.app_id == first and App.objects.count() == 1


def test_without_an_address_that_the_host_reaches_no_hook_is_asked_for_and_the_screen_says_why(
    monkeypatch: pytest.MonkeyPatch, world: Connected, api: Any
) -> None:
    monkeypatch.setattr(app, "reaches_us", lambda site: False)

    assert "hook_attributes" not in connecting.app.manifest()
    world.read()
    shown = api(world.owner).get(world.path).json()
    assert shown["state"] == "polled"
    assert "every 60 s" in shown["problem"] and SETTINGS.hub_url in shown["problem"]
