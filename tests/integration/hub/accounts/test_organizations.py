"""Organizations and members through the API."""

import pytest

from hub.accounts import actions
from hub.accounts.models import Member, Organization
from hub.common.tenancy import tenant
from tests.factories.accounts import a_member, a_token, a_user, an_organization, owner_of
from wistro.protocol.ids import show

pytestmark = pytest.mark.django_db


def test_me_names_the_user_and_their_organizations(api):
    user = a_user(name="Ada")
    organization = an_organization(owner=user)

    me = api(user).get("/api/v1/me").json()

    assert me["user"] == {"id": show("user", user.pk), "email": user.email, "name": "Ada"}
    assert [(one["slug"], one["role"]) for one in me["organizations"]] == [
        (organization.slug, "owner")
    ]
    assert me["token"] is None


def test_nobody_is_asked_to_sign_in(api):
    answer = api().get("/api/v1/me")

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "access.sign-in"


def test_an_organization_gets_a_slug_from_its_name_and_a_number_when_it_is_taken(api):
    user = a_user()
    slugs = [
        api(user).post("/api/v1/organizations", {"name": "Größe & Söhne"}).json()["slug"]
        for _ in range(2)
    ]

    assert slugs == ["groe-sohne", "groe-sohne-2"]


@pytest.mark.parametrize(("name", "slug"), [("Settings", "settings-2"), ("V3", "v3-2")])
def test_a_name_that_is_a_page_or_an_address_of_ours_gets_a_number(api, name, slug):
    made = api(a_user()).post("/api/v1/organizations", {"name": name})

    assert made.json()["slug"] == slug


@pytest.mark.parametrize("slug", ["Acme", "a--b", "-a", "a" * 20, "api", "v3", "a.b"])
def test_a_slug_that_fits_no_address_is_refused(api, slug):
    answer = api(a_user()).post("/api/v1/organizations", {"name": "A", "slug": slug})

    assert answer.status_code == 422
    assert "slug" in answer.json()["error"]["fields"]


def test_a_chosen_slug_that_is_taken_is_a_conflict(api):
    answer = api(a_user()).post(
        "/api/v1/organizations", {"name": "A", "slug": an_organization().slug}
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "organization.slug-taken")


def test_an_owner_adds_an_existing_user_who_then_sees_the_organization(api):
    organization, user = an_organization(), a_user()

    added = api(owner_of(organization)).post(
        f"/api/v1/organizations/{organization.slug}/members", {"email": user.email}
    )

    assert (added.status_code, added.json()["role"]) == (201, "member")
    assert api(user).get(f"/api/v1/organizations/{organization.slug}").json()["role"] == "member"


def test_an_email_that_never_signed_up_cannot_be_added(api):
    organization = an_organization()

    answer = api(owner_of(organization)).post(
        f"/api/v1/organizations/{organization.slug}/members", {"email": "nobody@example.test"}
    )

    assert answer.status_code == 422
    assert answer.json()["error"]["fields"] == {"email": "not signed up"}


def test_a_member_may_not_add_members(api):
    organization = an_organization()
    member = a_member(organization).user

    answer = api(member).post(
        f"/api/v1/organizations/{organization.slug}/members", {"email": a_user().email}
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "access.not-allowed")


def test_a_removed_member_with_a_live_session_and_token_is_a_stranger_at_once(api):
    organization = an_organization()
    user = a_member(organization).user
    session, by_token = api(user), api(token=a_token(user))
    path = f"/api/v1/organizations/{organization.slug}"
    assert session.get(path).status_code == by_token.get(path).status_code == 200

    removed = api(owner_of(organization)).delete(f"{path}/members/{show('user', user.pk)}")

    assert removed.status_code == 204
    assert session.get(path).status_code == by_token.get(path).status_code == 404


def test_the_last_owner_stays(api):
    organization = an_organization()
    owner = owner_of(organization)
    client, path = api(owner), f"/api/v1/organizations/{organization.slug}/members"

    removed = client.delete(f"{path}/{show('user', owner.pk)}")
    demoted = client.post(path, {"email": owner.email, "role": "member"})

    assert [one.json()["error"]["code"] for one in (removed, demoted)] == [
        "organization.last-owner"
    ] * 2
    with tenant(organization):
        assert Member.objects.get().role == "owner"


def test_members_are_listed_in_pages(api):
    organization = an_organization()
    for _ in range(2):
        a_member(organization)
    client, path = (
        api(owner_of(organization)),
        f"/api/v1/organizations/{organization.slug}/members?limit=2",
    )

    first = client.get(path).json()
    second = client.get(f"{path}&before={first['next']}").json()

    assert (len(first["items"]), len(second["items"]), second["next"]) == (2, 1, None)


def test_organizations_are_kept_apart_by_the_database_alone():
    an_organization()
    with tenant(an_organization()):
        assert Organization.objects.count() == 1


def test_one_person_makes_no_end_of_organizations(api, monkeypatch):
    monkeypatch.setattr(actions, "MOST_ORGANIZATIONS", 1)
    client = api(a_user())

    answers = [client.post("/api/v1/organizations", {"name": "One more"}) for _ in range(2)]

    assert [one.status_code for one in answers] == [201, 409]
    assert answers[1].json()["error"]["code"] == "organization.too-many"
