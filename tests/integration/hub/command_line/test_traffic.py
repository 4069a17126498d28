"""`wistro traffic`, `promote`, `rollback`, `versions`, `env`, `open` against the real Hub."""

import json

import pytest
from django.utils import timezone

from hub.common.tenancy import tenant
from hub.deployments import deploying
from hub.deployments.models import Build, Deployment, Version
from hub.ingress.models import TrafficChange
from tests.factories.accounts import a_token, an_organization, owner_of
from tests.factories.projects import a_project, an_environment
from wistro.protocol.machine import DeploymentHealth

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project():
    return a_project(an_organization(slug="acme"), slug="shop")


@pytest.fixture
def prod(project):
    return an_environment(project, name="prod")


@pytest.fixture
def shop(terminal, project):
    terminal.env["WISTRO_TOKEN"] = a_token(owner_of(project.organization_id))
    assert terminal("link", "acme/shop").code == 0
    return terminal


def a_version(project, number):
    with tenant(project.organization_id):
        version = Version.objects.create(
            project=project, number=number, source="upload", state="ready",
            lock="lock: 1", bundle="0" * 64, ready_at=timezone.now(),
        )  # fmt: skip
        Build.objects.create(version=version, state="ready", ended_at=timezone.now())
        return version


def serves(project, environment, *numbers):
    """Versions deployed and healthy in an environment, the last one with all the traffic."""
    for number in numbers:
        version = a_version(project, number)
        with tenant(project.organization_id):
            made = deploying.deploy(version, environment, by=None, promotes=True)
            deploying.hear(made, DeploymentHealth(deployment_id=str(made.pk), state="healthy"))


def shares(said):
    return {
        one["version"]: one["weight"]
        for one in json.loads(said.out)["deployments"]
        if one["weight"]
    }


def test_a_share_is_taken_from_the_others_in_proportion(shop, project, prod):
    serves(project, prod, 26, 27, 28)
    said = shop("traffic", "prod", "26=10%", "27=30%", "28=60%", "--json")
    assert said.code == 0, said.err
    assert shares(said) == {26: 1000, 27: 3000, 28: 6000}

    said = shop("traffic", "prod", "28=50%", "--note", "größer", "--json")

    assert shares(said) == {26: 1250, 27: 3750, 28: 5000}
    assert json.loads(said.out)["history"][0]["note"] == "größer"


def test_the_table_is_shown_with_what_comes_next(shop, project, prod):
    serves(project, prod, 27, 28)

    said = shop("traffic", "prod", "27=25%")

    rows = [line.split() for line in said.out.splitlines()]
    assert rows[0][:3] == ["VERSION", "SHARE", "STATE"]
    assert rows[1][:4] == ["28", "75", "%", "healthy"]
    assert rows[2][:4] == ["27", "25", "%", "healthy"]
    assert "no gateway is running" in said.err
    assert said.err.rstrip().endswith("next: wistro logs prod --follow")
    assert "\x1b" not in said.out + said.err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["99=10%"], "traffic.unknown-version"),
        (["27=25%", "28=25%"], "traffic.sum"),
        (["27=80%", "28=30%"], "traffic.sum"),
        (["27=25.001%"], "traffic.weight"),
        (["27=x"], "traffic.weight"),
    ],
)
def test_weights_that_cannot_be_are_refused(shop, project, prod, words, code):
    serves(project, prod, 27, 28)

    said = shop("traffic", "prod", *words)

    assert said.code == 1
    assert code in said.err
    with tenant(project.organization_id):
        assert not TrafficChange.objects.filter(why="set").exists()


def test_promote_and_rollback_go_there_and_back(shop, project, prod):
    serves(project, prod, 27, 28)

    assert shares(shop("promote", "27", "prod", "--json")) == {27: 10000}
    said = shop("rollback", "prod", "--json")

    assert said.code == 0, said.err
    assert shares(said) == {28: 10000}


def test_rollback_with_nothing_before_says_so(shop, project, prod):
    serves(project, prod, 27)

    assert "traffic.nothing-before" in shop("rollback", "prod").err


def test_an_environment_without_anything_says_how_to_fill_it(shop, prod):
    said = shop("traffic", "prod")

    assert said.code == 0
    assert "nothing runs in prod yet" in said.err
    assert "next: wistro deploy --to prod" in said.err


def test_versions_are_listed_newest_first_with_where_they_serve(shop, project, prod):
    serves(project, prod, 27, 28)

    said = shop("versions")

    assert [line.split()[0] for line in said.out.splitlines()] == ["VERSION", "28", "27"]
    assert "prod 100 %" in said.out
    assert json.loads(shop("versions", "27", "--json").out)["number"] == 27
    assert "hub.no-version" in shop("versions", "3").err


def test_a_variable_goes_in_by_stdin_and_never_comes_out(shop, project, prod):
    said = shop("env", "set", "STRIPE_KEY", "--to", "prod", stdin="sk_größe\n")

    assert said.code == 0, said.err
    listed = shop("env", "list", "--to", "prod")
    assert "STRIPE_KEY" in listed.out
    assert "sk_" not in said.out + said.err + listed.out + listed.err
    with tenant(project.organization_id):
        from hub.projects.queries import variables_at

        prod.refresh_from_db()
        assert str(variables_at(prod, prod.revision)).count("sk_größe") == 1
    assert shop("env", "unset", "STRIPE_KEY", "--to", "prod").code == 0
    assert "prod has no variables" in shop("env", "list", "--to", "prod").err


def test_a_variable_without_a_value_is_not_set(shop, prod):
    said = shop("env", "set", "EMPTY", "--to", "prod")

    assert said.code == 1
    assert "env.no-value" in said.err


def test_a_value_on_the_command_line_is_refused(shop, prod):
    assert shop("env", "set", "KEY=value", "--to", "prod").code == 2


def test_pages_are_said_where_no_browser_is(shop, prod):
    assert shop("open", "prod", "--page", "runs").out == f"{shop.hub}/acme/shop/prod/runs\n"
    assert shop("open").out == f"{shop.hub}/acme/shop\n"


def test_an_environment_that_nothing_ran_in_has_no_runs_and_no_lines(shop, prod):
    assert "no run in prod yet" in shop("runs", "prod").err
    assert json.loads(shop("runs", "prod", "--json").out) == []
    assert "no line in prod yet" in shop("logs", "prod").err


def test_a_deployment_of_an_unready_version_is_refused_in_the_hubs_words(shop, project, prod):
    version = a_version(project, 5)
    with tenant(project.organization_id):
        Version.objects.filter(pk=version.pk).update(state="failed")

    said = shop("promote", "5", "prod")

    assert said.code == 1
    assert "deploy.not-ready" in said.err
    with tenant(project.organization_id):
        assert not Deployment.objects.exists()
