"""`wistro datasets` against the real Hub: what it exports is what replay reads."""

import json

import msgspec
import pytest

from hub.common.tenancy import tenant
from tests.factories.accounts import a_token, an_organization, owner_of
from tests.factories.datasets import a_dataset, a_sample
from tests.factories.projects import a_project, an_environment
from wistro.protocol.samples import Sample

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "ingest"])

NAME = "Large orders"


@pytest.fixture
def project():
    return a_project(an_organization(slug="acme"), slug="shop")


@pytest.fixture
def shop(terminal, project):
    terminal.env["WISTRO_TOKEN"] = a_token(owner_of(project.organization_id))
    assert terminal("link", "acme/shop").code == 0
    return terminal


@pytest.fixture
def samples(project):
    prod = an_environment(project, name="prod")
    dataset = a_dataset(project, name=NAME)
    return [a_sample(dataset, prod) for _ in range(2)]


def test_samples_become_files_that_replay_can_read(shop, samples):
    said = shop("datasets", "pull", NAME)

    assert said.code == 0, said.err
    assert f"2 samples of {NAME}, 2 new or changed, 0 removed" in said.err
    files = sorted((shop.folder / ".wistro" / "datasets" / NAME).iterdir())
    read = [msgspec.json.decode(file.read_bytes(), type=Sample) for file in files]
    assert [file.stem for file in files] == sorted(one.sample for one in read)
    assert {one.dataset for one in read} == {NAME}
    assert read[0].attempts


def test_a_removed_samples_file_goes_too(shop, samples):
    shop("datasets", "pull", NAME, "--into", "cases")
    with tenant(samples[0].organization_id):
        samples[0].delete()

    said = shop("datasets", "pull", NAME, "--into", "cases", "--json")

    assert json.loads(said.out) == {
        "dataset": NAME, "folder": "cases", "changed": 0, "removed": 1, "samples": 1
    }  # fmt: skip
    assert len(list((shop.folder / "cases").iterdir())) == 1


def test_datasets_are_listed_with_the_command_that_pulls_one(shop, samples):
    said = shop("datasets")

    assert said.code == 0, said.err
    assert NAME in said.out
    assert said.err.rstrip().endswith(f"next: wistro datasets pull '{NAME}'")


def test_a_project_without_datasets_says_where_they_are_made(shop):
    said = shop("datasets", "list")

    assert said.code == 0
    assert "next: wistro open --page datasets" in said.err


def test_an_unknown_dataset_is_answered_with_the_close_one(shop, samples):
    said = shop("datasets", "pull", "Large order")

    assert said.code == 1
    assert f"did you mean `{NAME}`?" in said.err
