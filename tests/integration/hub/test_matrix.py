"""The tenant matrix: every route and every topic there is, asked by everyone, with both walls, and with each one off.

It is made from the URLconfs, so a new route is in it at once; what its keywords name comes from tests/factories.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from channels.db import database_sync_to_async
from django.db import connection, models, transaction

from hub.accounts.actions import remove_member, set_member
from hub.common.api.access import ANY_SCOPE, Access
from hub.common.api.ids import CONVERTERS
from hub.common.api.routes import OF_PACKAGES, Route, routes
from hub.common.tenancy import NoTenantScope, TenantManager, tenant
from hub.live import topics
from hub.projects.models import Project
from tests.factories import registry
from tests.factories.accounts import a_token, a_user, a_world
from tests.factories.clients import client
from tests.factories.registry import World
from tests.integration.hub import place
from tests.integration.hub.live.sockets import Page
from wistro.protocol.ids import show

URLCONFS = ("hub.urls", "hub.machine_urls")
STRANGERS = ("other owner", "outsider", "removed member", "other owner's token")
NOT_THERE = {
    "code": "request.not-found",
    "message": "There is nothing here",
    "hint": None,
    "fields": {},
}
registry.load()


@pytest.fixture(params=["both walls", "managers off", "policies off"])
def walls(request: pytest.FixtureRequest, django_db_setup: None) -> Iterator[str]:
    """The walls of this run; set before the test's transaction begins, since ALTER TABLE would wait for it."""
    if request.param == "managers off":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(TenantManager, "get_queryset", models.Manager.get_queryset)
            yield request.param
    elif request.param == "policies off":
        switch_policies("NO FORCE ROW LEVEL SECURITY", "DISABLE ROW LEVEL SECURITY")
        yield request.param
        switch_policies("ENABLE ROW LEVEL SECURITY", "FORCE ROW LEVEL SECURITY")
    else:
        yield request.param


def switch_policies(*actions: str) -> None:
    with psycopg.connect(place.ENVIRONMENT["DATABASE_OWNER_URL"], autocommit=True) as owner:
        tables = owner.execute(
            "SELECT DISTINCT tablename FROM pg_policies WHERE schemaname = 'public' ORDER BY 1"
        )
        for (table,) in tables.fetchall():
            for action in actions:
                owner.execute(f'ALTER TABLE "{table}" {action}')  # type: ignore[arg-type]


def rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


@pytest.fixture
def mine(walls: str, db: None) -> World:
    return a_world()


def test_the_walls_are_as_this_run_says(walls: str, mine: World) -> None:
    mine.get("project")

    assert rows(
        "SELECT rolsuper OR rolbypassrls OR EXISTS (SELECT FROM pg_class WHERE relowner = r.oid) "
        "FROM pg_roles r WHERE rolname = current_user"
    ) == [(False,)]
    assert bool(rows("SELECT * FROM projects")) is (walls == "policies off")
    if walls == "managers off":
        assert list(Project.objects.all()) == []
    else:
        with pytest.raises(NoTenantScope):
            Project.objects.all()


def test_every_route_says_who_may() -> None:
    undeclared = [
        route.path for urlconf in URLCONFS for route in routes(urlconf) if route.undeclared
    ]

    assert undeclared == []


@pytest.mark.parametrize("urlconf", URLCONFS)
def test_every_route_lets_in_whom_it_says_and_no_one_else(
    urlconf: str, walls: str, mine: World, settings: Any
) -> None:
    settings.ROOT_URLCONF = urlconf
    if urlconf == "hub.machine_urls":
        settings.MIDDLEWARE = ["hub.common.logs.RequestLog"]
    actors = everyone(mine)
    wrong = []
    for route in asked(urlconf):
        path = path_of(route, mine)
        for method, access in route.access.items():
            for actor, asking in actors.items():
                answer = ask(asking, method, path)
                if why := unfit(answer, access, actor, route, method):
                    wrong.append(f"{walls}: {actor}: {method} {path}: {why}")

    assert wrong == []


def test_what_is_nested_under_ones_own_may_not_be_anothers(walls: str, mine: World) -> None:
    """/environments/<mine>/…/<theirs>: here the door lets in, and only the walls keep apart."""
    theirs = a_world()
    asking = client(mine.owner)
    asking.raise_request_exception = False
    wrong = []
    for route in asked("hub.urls"):
        others = [name for name in route.converters if name != route.about]
        if route.about is None or not others:
            continue
        path = path_of(route, theirs, **{route.about: mine.get(route.about)})
        for method in route.access:
            answer = ask(asking, method, path)
            if answer.status_code not in (400, 404, 422) or leaks(answer, theirs, asked_for=path):
                wrong.append(f"{method} {path}: {answer.status_code} {answer.content[:200]!r}")

    assert wrong == []


def test_a_list_holds_nothing_of_another_organizations(walls: str, mine: World) -> None:
    theirs = a_world()
    for world in (mine, theirs):
        for keyword in ("project", "environment", "variable"):
            world.get(keyword)
    asking = client(mine.owner)
    wrong = []
    for route in asked("hub.urls"):
        if "GET" in route.access and route.about is not None:
            path = path_of(route, mine)
            for keyword in route.converters:
                theirs.get(keyword)
            if leaks(ask(asking, "GET", path), theirs):
                wrong.append(path)

    assert wrong == []


@pytest.mark.django_db(transaction=True)
async def test_every_topic_is_for_members_only(walls: str) -> None:
    mine = await database_sync_to_async(a_world)()
    users = {
        name: await database_sync_to_async(a_user)() for name in ("outsider", "removed member")
    }
    users["other owner"] = (await database_sync_to_async(a_world)()).owner
    await database_sync_to_async(add_and_remove)(mine, users["removed member"])
    said = {}
    for name, kind in topics.registered().items():
        topic = f"{name}:{show(kind, await database_sync_to_async(mine.get)(kind))}"
        for actor, user in (users | {"owner": mine.owner, "member": mine.member}).items():
            async with Page(user) as page:
                answer = await page.subscribe(topic)
                said[name, actor] = answer.get("code", answer["type"])

    expected = {"owner": "subscribed", "member": "subscribed"}
    assert said == {
        (name, actor): expected.get(actor, "live.not-found")
        for name in topics.registered()
        for actor in (*users, "owner", "member")
    }


def asked(urlconf: str) -> list[Route]:
    """Every route of ours; a package's own are tested by the package."""
    found = [route for route in routes(urlconf) if not route.path.startswith(tuple(OF_PACKAGES))]
    assert found or urlconf == "hub.machine_urls"
    return found


def everyone(mine: World) -> dict[str, Any]:
    removed, other = a_user(), a_world()
    add_and_remove(mine, removed)
    actors = {
        "owner": client(mine.owner),
        "member": client(mine.member),
        "member's token": client(token=a_token(mine.member)),
        "token without scopes": client(token=a_token(mine.member, scopes=[])),
        "other owner": client(other.owner),
        "other owner's token": client(token=a_token(other.owner)),
        "outsider": client(a_user()),
        "removed member": client(removed),
        "anonymous": client(),
        **{f"machine {kind}": client(token=make()) for kind, make in registry.machines().items()},
    }
    for one in actors.values():
        one.raise_request_exception = False
    return actors


def add_and_remove(mine: World, user: Any) -> None:
    with tenant(mine.organization):
        set_member(user.email, "member", by=mine.owner)
        remove_member(user.pk)


def path_of(route: Route, world: World, **given: Any) -> str:
    """The route's path with this world's objects in it."""

    def value(match: re.Match[str]) -> str:
        converter, _, name = match[1].rpartition(":")
        found = given[name] if name in given else world.get(name)
        return show(converter, found) if converter in CONVERTERS else str(found)

    if route.path.startswith(("(?!", "^")):  # the screens' page: any other address
        return "/"
    return "/" + re.sub(r"<([^>]+)>", value, route.path)


def ask(asking: Any, method: str, path: str) -> Any:
    """One request, whose changes are taken back, so that the next one finds everything there."""
    with transaction.atomic():
        answer = asking.generic(
            method, path, b"" if method == "GET" else b"{}", content_type="application/json"
        )
        transaction.set_rollback(True)
    return answer


def leaks(answer: Any, world: World, *, asked_for: str = "") -> bool:
    """Whether the answer names anything of a world's that the asker did not name first."""
    text = getattr(answer, "content", b"").decode(errors="replace")
    names = {str(made) for made in world.made.values()}
    names |= {show(kind, made) for kind, made in world.made.items() if kind in CONVERTERS}
    return any(name in text for name in names if name not in asked_for)


def unfit(answer: Any, access: Access, actor: str, route: Route, method: str) -> str | None:
    """What is wrong with this answer, None when nothing is."""
    status = answer.status_code
    if status >= 500:
        return f"{status} {answer.content[:300]!r}"
    if access.who in ("anonymous", "signed"):
        return None
    if access.who == "machine":
        welcome = actor.removeprefix("machine ") in access.kinds
        return None if (status != 401) is welcome else f"{status}, by {access}"
    if actor == "anonymous" or actor.startswith("machine "):
        return None if status == 401 else f"{status} instead of 401"
    if access.who == "signed-in":
        by_token = (
            "token" in actor and access.scope is None
        )  # a page of ours does not even look at tokens
        return _scope(status, access, actor) or (
            f"{status}" if status == 401 and not by_token else None
        )
    if actor in STRANGERS:
        is_plain = status == 404 and answer.json()["error"] == NOT_THERE
        return None if is_plain else f"{status} instead of a plain 404"
    if access.who == "owner" and actor != "owner":
        return None if status == 403 else f"{status} instead of 403"
    if why := _scope(status, access, actor):
        return why
    absent = status == 404 and not registry.is_maybe_absent(route.path, method)
    refused = status in (401, 403) and not ("token" in actor and access.scope != ANY_SCOPE)
    return f"{status} for {actor}, by {access}" if absent or refused else None


def _scope(status: int, access: Access, actor: str) -> str | None:
    if actor == "token without scopes" and access.scope != ANY_SCOPE and status not in (401, 403):
        return f"{status} instead of 403: its scopes are empty"
    if actor == "member's token" and access.scope is None and status not in (401, 403):
        return f"{status} instead of 403: not for tokens"
    if actor == "member's token" and access.scope not in (None, ANY_SCOPE) and status == 403:
        return "403 for a token with every scope"
    return None
