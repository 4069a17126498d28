"""Samples as files."""

from __future__ import annotations

import json

import pytest

from wistro.hub_client import datasets
from wistro.hub_client.datasets import NewerSamples, UnsafeName
from wistro.protocol.samples import SAMPLE, Export, Sample, SampledTrigger


def a_sample(id, *, name="größer"):
    return Sample(
        SAMPLE,
        id,
        "orders",
        name,
        "run_1",
        "prod",
        "sha256:0",
        SampledTrigger("api", "src/a"),
        "0" * 32,
        [],
    )


def an_export(*ids, **more):
    return Export(SAMPLE, "orders", [a_sample(id, **more) for id in ids])


def test_each_sample_is_a_file(tmp_path):
    pulled = datasets.write(an_export("smp_1", "smp_2"), tmp_path / "orders")

    assert (pulled.samples, pulled.changed, pulled.removed) == (2, 2, 0)
    assert sorted(one.name for one in pulled.folder.iterdir()) == ["smp_1.json", "smp_2.json"]
    assert json.loads((pulled.folder / "smp_1.json").read_text("utf-8"))["name"] == "größer"


def test_pulling_again_changes_only_what_is_new_and_removes_what_is_gone(tmp_path):
    datasets.write(an_export("smp_1", "smp_2"), tmp_path)
    (tmp_path / "mine.txt").write_text("kept")

    pulled = datasets.write(an_export("smp_2", "smp_3"), tmp_path)

    assert (pulled.changed, pulled.removed) == (1, 1)
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "mine.txt",
        "smp_2.json",
        "smp_3.json",
    ]


@pytest.mark.parametrize("id", ["../up", "a/b", "", ".hidden", "x" * 101])
def test_a_sample_cannot_name_another_place(tmp_path, id):
    with pytest.raises(UnsafeName):
        datasets.write(an_export(id), tmp_path)

    assert not list(tmp_path.iterdir())


def test_samples_of_a_later_form_are_refused(tmp_path):
    with pytest.raises(NewerSamples):
        datasets.write(Export(SAMPLE + 1, "orders", []), tmp_path)


@pytest.mark.parametrize("name", ["orders", "Größere Orders 2", "a.b_c-d"])
def test_a_dataset_is_a_folder_of_its_name(name):
    assert datasets.folder_name(name) == name


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "..", ".git", "a\n", "a\0b"])
def test_a_dataset_cannot_name_another_place(name):
    with pytest.raises(UnsafeName):
        datasets.folder_name(name)
