"""Datasets and samples through the API: adding a run, changing, removing, exporting."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hub.common.tenancy import tenant
from hub.datasets import actions
from hub.datasets.models import Sample
from hub.projects.models import Environment
from hub.runs.models import Attempt, Payload, Run
from tests.factories.accounts import a_token, owner_of
from tests.factories.datasets import a_dataset, a_sample
from tests.factories.projects import a_project, an_environment
from tests.factories.runs import a_deployed_version, a_kept_run
from wistro.protocol import reading, samples
from wistro.protocol.ids import new_id, show
from wistro.protocol.records import AttemptRecord

pytestmark = pytest.mark.django_db


@pytest.fixture
def environment() -> Environment:
    return an_environment(name="staging")


@pytest.fixture
def client(api: Any, environment: Environment) -> Any:
    return api(owner_of(environment.organization_id))


@pytest.fixture
def datasets(environment: Environment) -> str:
    return f"/api/v1/projects/{show('project', environment.project_id)}/datasets"


@pytest.fixture
def dataset(environment: Environment) -> Any:
    return a_dataset(environment.project, name="baskets")


@pytest.fixture
def path(dataset: Any) -> str:
    return f"/api/v1/datasets/{show('dataset', dataset.pk)}"


@pytest.fixture
def run(environment: Environment) -> Run:
    return a_kept_run(environment, a_deployed_version(environment))


def add(client: Any, path: str, run_id: Any, **more: Any) -> Any:
    run = run_id if isinstance(run_id, str) else show("run", run_id)
    return client.post(f"{path}/samples", {"run": run, **more}, format="json")


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_dataset_is_made_shown_renamed_and_removed(client: Any, datasets: str) -> None:
    made = client.post(datasets, {"name": "baskets", "description": "of tea"}, format="json")
    path = f"/api/v1/datasets/{made.json()['id']}"

    renamed = client.patch(path, {"name": "Baskets 2.0"}, format="json")

    assert (made.status_code, made.json()["samples"]) == (201, 0)
    assert renamed.json() == {**made.json(), "name": "Baskets 2.0"}
    assert client.get(datasets).json() == {"items": [renamed.json()], "next": None}
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("name", ["", "../etc", ".hidden", "a/b", "a\x00b", "x" * 61, "a\nb", "ü"])
def test_a_name_that_is_no_folders_is_refused(client: Any, datasets: str, name: str) -> None:
    assert client.post(datasets, {"name": name}, format="json").status_code == 422


def test_a_name_is_taken_once_in_a_project(
    client: Any, datasets: str, dataset: Any, environment: Environment
) -> None:
    other = a_dataset(environment.project)
    path = f"/api/v1/datasets/{show('dataset', other.pk)}"

    answers = [
        client.post(datasets, {"name": "baskets"}, format="json"),
        client.patch(path, {"name": "baskets"}, format="json"),
    ]

    assert [code(one) for one in answers] == [(409, "dataset.name-taken")] * 2
    assert client.patch(path, {"name": other.name}, format="json").status_code == 200


def test_a_finished_run_becomes_a_sample(client: Any, path: str, run: Run) -> None:
    answer = add(client, path, run.pk, name="tea for two", tags=["happy", "happy", "tea"])

    told = answer.json()
    assert answer.status_code == 201, told
    assert told | {"id": "", "created_at": ""} == {
        "id": "",
        "name": "tea for two",
        "tags": ["happy", "tea"],
        "run": show("run", run.pk),
        "version": 1,
        "environment": "staging",
        "trigger": {"kind": "api", "id": "src/order", "label": "POST /orders/:shop"},
        "input": {"body": {"sku": "tea"}},
        "created_at": "",
        "created_by": told["created_by"],
    }
    assert client.get(f"{path}/samples").json() == {"items": [told], "next": None}
    assert client.get(path).json()["samples"] == 1


def test_a_sample_shows_its_attempts_as_its_run_did(
    client: Any, path: str, run: Run, environment: Environment
) -> None:
    id = add(client, path, run.pk).json()["id"]
    where = f"/api/v1/environments/{show('environment', environment.pk)}"
    before = client.get(f"{where}/runs/{show('run', run.pk)}").json()["attempts"]
    with tenant(run.organization_id):
        Run.objects.all().delete()
        Payload.objects.all().delete()

    after = client.get(f"/api/v1/samples/{id}").json()["attempts"]

    assert after == before
    assert msgspec.convert(after, list[reading.AttemptView])[0].step_name == "Take order"


def test_an_export_is_what_the_cli_reads(
    api: Any, path: str, run: Run, dataset: Any, client: Any
) -> None:
    add(client, path, run.pk, name="tea", tags=["happy"])
    token = api(token=a_token(owner_of(run.organization_id), scopes=["datasets:read"]))

    answer = token.get(f"{path}/export")

    export = msgspec.json.decode(answer.content, type=samples.Export)
    (sample,) = export.samples
    with tenant(run.organization_id):
        kept = msgspec.json.decode(Payload.objects.get().record, type=AttemptRecord)
    assert (export.dataset, sample.environment, sample.version) == ("baskets", "staging", 1)
    assert sample.trigger == samples.SampledTrigger("api", "src/order", "POST", "/orders/berlin")
    assert sample.attempts == [kept]
    assert sample.variables == ["STOCK_SECRET"]
    assert sample.lock_digest.startswith("sha256:")


def test_an_export_wants_its_scope(api: Any, path: str, dataset: Any) -> None:
    other = api(token=a_token(owner_of(dataset.organization_id), scopes=["projects:read"]))

    assert other.get(f"{path}/export").status_code == 403


def test_a_run_that_cannot_be_a_sample_says_why(
    client: Any, path: str, environment: Environment, run: Run
) -> None:
    deployment = a_deployed_version(environment)
    going, gone, empty = (a_kept_run(environment, deployment, status=s) for s in ("waiting", "done", "failed"))  # fmt: skip
    with tenant(environment.organization_id):
        Payload.objects.filter(id=Attempt.objects.get(run_id=gone.pk).pk).delete()
        Attempt.objects.filter(run_id=empty.pk).delete()
    elsewhere = an_environment(a_project_beside(environment))
    other = a_kept_run(elsewhere, a_deployed_version(elsewhere))
    add(client, path, run.pk)

    answers = {
        what: code(add(client, path, id))
        for what, id in {
            "twice": run.pk, "going": going.pk, "gone": gone.pk, "empty": empty.pk,
            "other project": other.pk, "unknown": new_id(), "unreadable": "run_x",
        }.items()
    }  # fmt: skip

    assert answers == {
        "twice": (409, "sample.already-there"),
        "going": (409, "sample.not-finished"),
        "gone": (409, "sample.payloads-gone"),
        "empty": (409, "sample.payloads-gone"),
        "other project": (422, "sample.unknown-run"),
        "unknown": (422, "sample.unknown-run"),
        "unreadable": (422, "sample.unknown-run"),
    }


def a_project_beside(environment: Environment) -> Any:
    with tenant(environment.organization_id):
        from hub.accounts.models import Organization

        return a_project(Organization.objects.get())


def test_a_run_too_large_for_a_sample_is_refused(
    client: Any, path: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "BYTES_MOST", 10)

    assert code(add(client, path, run.pk)) == (413, "sample.too-large")


def test_a_sample_is_renamed_tagged_and_removed(
    client: Any, dataset: Any, environment: Environment
) -> None:
    sample = a_sample(dataset, environment)
    path = f"/api/v1/samples/{show('sample', sample.pk)}"

    changed = client.patch(path, {"name": "", "tags": []}, format="json").json()

    assert (changed["name"], changed["tags"]) == (None, [])
    assert client.patch(path, {}, format="json").json() == changed
    assert client.delete(path).status_code == 204
    with tenant(dataset.organization_id):
        assert not Sample.objects.exists()


def test_an_input_with_every_odd_character_comes_back_as_it_was(
    client: Any, path: str, run: Run
) -> None:
    odd = "".join(map(chr, [*range(0x00, 0x100), 0x2028, 0x1F600])) + "\\u0000"
    with tenant(run.organization_id):
        payload = Payload.objects.get()
        record = msgspec.json.decode(payload.record, type=AttemptRecord)
        record.input = {odd: odd}
        Payload.objects.update(record=msgspec.json.encode(record).decode())

    assert add(client, path, run.pk).json()["input"] == {odd: odd}
    (sample,) = client.get(f"{path}/export").json()["samples"]
    assert sample["attempts"][0]["input"] == {odd: odd}
