"""Projects, environments and variables through the API."""

import pytest
from django.core.management import call_command

from hub.common import sealing
from hub.common.sealing import KeyRing, NotOurs
from hub.common.tenancy import tenant
from hub.projects.models import Environment, Project, Variable
from hub.projects.queries import variables_at
from hub.projects.signals import variables_changed
from tests.factories.accounts import an_organization, owner_of
from tests.factories.projects import an_environment
from wistro.protocol.ids import show

pytestmark = pytest.mark.django_db


@pytest.fixture
def environment():
    return an_environment()


@pytest.fixture
def owner(environment):
    return owner_of(environment.organization_id)


@pytest.fixture
def path(environment):
    return f"/api/v1/environments/{show('environment', environment.pk)}/variables"


def test_a_project_is_made_with_its_three_environments_and_addresses(api):
    organization = an_organization(slug="acme-test")
    client = api(owner_of(organization))

    made = client.post("/api/v1/organizations/acme-test/projects", {"name": "My shop"})

    assert made.status_code == 201
    body = made.json()
    assert (body["slug"], [one["name"] for one in body["environments"]]) == (
        "my-shop",
        ["dev", "staging", "prod"],
    )
    assert body["environments"][2]["address"].startswith(
        "http://prod--my-shop--acme-test.localhost:"
    )
    assert body["source"]["kind"] == "none"
    assert client.get(f"/api/v1/projects/{body['id']}").json() == body
    assert client.get("/api/v1/organizations/acme-test/projects/my-shop").json() == body
    assert client.get("/api/v1/organizations/acme-test/projects").json()["items"] == [body]
    one = client.get(f"/api/v1/environments/{body['environments'][0]['id']}").json()
    assert (one["project"]["slug"], one["organization"]["slug"]) == ("my-shop", "acme-test")


def test_a_name_that_would_read_as_a_version_gets_a_number(api):
    organization = an_organization()
    path = f"/api/v1/organizations/{organization.slug}/projects"

    assert api(owner_of(organization)).post(path, {"name": "V3"}).json()["slug"] == "v3-2"


def test_a_project_is_renamed_and_removed(api, environment, owner):
    client, path = api(owner), f"/api/v1/projects/{show('project', environment.project_id)}"

    assert client.patch(path, {"name": "New"}).json()["name"] == "New"
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_two_organizations_may_use_one_slug(api):
    for _ in range(2):
        organization = an_organization()
        answer = api(owner_of(organization)).post(
            f"/api/v1/organizations/{organization.slug}/projects", {"name": "A", "slug": "shop"}
        )
        assert answer.status_code == 201


def test_a_variable_is_set_and_listed_but_never_shown(api, environment, owner, path):
    client = api(owner)

    made = client.post(path, {"name": "STRIPE_KEY", "value": "sk_live_123"})

    assert made.status_code == 201
    assert (
        made.json().items()
        >= {"name": "STRIPE_KEY", "secret": True, "revision": 1, "set_by": owner.email}.items()
    )
    assert "sk_live_123" not in made.content.decode() + client.get(path).content.decode()
    with tenant(environment.organization_id):
        assert variables_at(Environment.objects.get())["STRIPE_KEY"].text == "sk_live_123"
        assert b"sk_live_123" not in bytes(Variable.objects.get().sealed)


def test_each_change_makes_a_revision_that_can_be_read_again(api, environment, owner, path):
    client = api(owner)
    client.post(path, {"name": "A", "value": "1"})
    client.post(path, {"name": "A", "value": "2", "secret": False})
    client.delete(f"{path}/A")

    with tenant(environment.organization_id):
        environment = Environment.objects.get()
        read = [
            {name: value.text for name, value in variables_at(environment, revision).items()}
            for revision in range(4)
        ]
    assert read == [{}, {"A": "1"}, {"A": "2"}, {}]
    assert client.get(path).json()["items"] == []


def test_a_change_is_told_to_other_apps(api, environment, owner, path):
    told = []

    def listen(sender, environment, revision, **_):
        told.append((environment.pk, revision))

    variables_changed.connect(listen)
    try:
        api(owner).post(path, {"name": "A", "value": "1"})
    finally:
        variables_changed.disconnect(listen)

    assert told == [(environment.pk, 1)]


@pytest.mark.parametrize(
    "name, value",
    [
        ("lower", "x"),
        ("1A", "x"),
        ("WISTRO_MODE", "x"),
        ("PATH", "x"),
        ("LD_PRELOAD", "x"),
        ("A-B", "x"),
        ("A", "x" * 65537),
        ("A", "a\0b"),
    ],
)
def test_a_variable_that_cannot_be_one_is_refused_by_field(api, owner, path, name, value):
    answer = api(owner).post(path, {"name": name, "value": value})

    assert answer.status_code == 422
    assert set(answer.json()["error"]["fields"]) <= {"name", "value"}


def test_removing_what_is_not_there_is_not_found(api, owner, path):
    assert api(owner).delete(f"{path}/NOT_SET").status_code == 404


def test_two_rows_ciphertexts_swapped_do_not_open(api, environment, owner, path):
    client = api(owner)
    client.post(path, {"name": "A", "value": "1"})
    client.post(path, {"name": "B", "value": "2"})

    with tenant(environment.organization_id):
        first, second = Variable.objects.order_by("name")
        first.sealed, second.sealed = second.sealed, first.sealed
        first.save()
        second.save()
        with pytest.raises(NotOurs):
            variables_at(Environment.objects.get())


def test_rotating_wraps_every_value_under_the_new_key(
    api, environment, owner, path, monkeypatch, capsys
):
    api(owner).post(path, {"name": "A", "value": "kept"})
    old = sealing.ring()
    new = KeyRing({**old.keys, 9: bytes(32)}, 9)
    monkeypatch.setattr(sealing, "ring", lambda: new)

    call_command("rotate_keys")
    call_command("rotate_keys")

    # the variable, and the environment's key of routes
    assert capsys.readouterr().out == "2 values are now under key 9\n0 values are now under key 9\n"
    monkeypatch.setattr(sealing, "ring", lambda: KeyRing({9: bytes(32)}, 9))
    with tenant(environment.organization_id):
        assert sealing.key_of(Variable.objects.get().sealed) == 9
        assert variables_at(Environment.objects.get())["A"].text == "kept"


def test_a_project_page_costs_the_same_for_many_projects(api, django_assert_max_num_queries):
    organization = an_organization()
    client = api(owner_of(organization))
    for number in range(5):
        client.post(f"/api/v1/organizations/{organization.slug}/projects", {"name": f"P{number}"})

    with django_assert_max_num_queries(16):
        assert (
            len(client.get(f"/api/v1/organizations/{organization.slug}/projects").json()["items"])
            == 5
        )


def test_projects_of_nobody_are_not_shown_to_the_database():
    an_environment()

    with tenant(an_organization()):
        assert Project.objects.count() == 0
