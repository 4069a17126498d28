"""The main job, whole: sign up, connect, push, split, call, watch, keep a sample, replay it.

One long test in stages, each printed with what was seen, since every stage stands on the one before.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, expect

from tests.journeys.callers import Edge, many, order
from tests.journeys.command_line import CommandLine
from tests.journeys.person import Person
from tests.journeys.project import CHANGED, KEY, files
from tests.journeys.systems import Whole, whole_system

pytestmark = pytest.mark.timeout(900)
REPOSITORY = "acme/parcels"
MARKS = {1: "one", 2: "two", 3: "three"}
CALLS = 400


async def test_main_job(tmp_path: Path, context: BrowserContext):
    async with whole_system(tmp_path) as whole:
        ada = Person(await context.new_page(), hub=whole.hub, email="ada@example.com")
        await ada.signs_up("correct horse battery 1")
        await ada.makes("acme", "parcels")
        await ada.sets_variable("prod", "ORDERS_KEY", KEY)
        await connect_and_push(ada, whole)
        edge = Edge(whole.place.ports.gateway, (await ada.environment("prod"))["address"])
        await split_exactly(ada, edge)
        await split_while_weights_change(ada, edge)
        await push_unheard(whole)
        await see_a_line(ada, edge)
        run = await keep_a_sample(ada, edge)
        await replay_it(ada, whole, run, tmp_path)
        await find_the_unheard_push(ada)


async def connect_and_push(ada: Person, whole: Whole) -> None:
    whole.github.user("ada", ["acme"], sign_in=True)
    whole.github.repository(REPOSITORY, private=True)
    await ada.connects_github(REPOSITORY)
    commits = {}
    for number, mark in MARKS.items():
        commits[number] = whole.github.push(REPOSITORY, files(mark), message=f"Say {mark}")
        await ada.sees_version(number, "Ready")
    versions = await versions_of(ada)
    assert {one["number"]: one["commit"]["sha"] for one in versions} == commits
    stage(f"three pushes are versions 1, 2, 3 of {', '.join(sha[:7] for sha in commits.values())}")
    for sha in commits.values():
        await checked(whole, sha)
    stage("each commit has its check set back: success")
    told = [hook.id for hook in await asyncio.to_thread(whole.github.sent, "push")]
    await asyncio.to_thread(whole.github.redeliver, *reversed(told))
    await asyncio.to_thread(whole.github.wait)
    assert len(await versions_of(ada)) == len(MARKS)
    stage(f"{len(told)} webhooks told again, the last one first: still three versions")


async def split_exactly(ada: Person, edge: Edge) -> None:
    generation = await ada.types_weights("prod", {1: "25", 2: "25", 3: "50"}, "compare three")
    await ada.applies_weights(generation)
    answers = await many(edge, CALLS, key=KEY)
    by_mark = Counter(answer["mark"] for answer in answers)
    assert by_mark == {"one": 100, "two": 100, "three": 200}
    runs = await all_runs(ada, CALLS)
    assert Counter(one["version"] for one in runs) == {1: 100, 2: 100, 3: 200}
    await no_run_mixes(ada, runs)
    stage(f"{CALLS} calls by 16 clients at 25/25/50: {dict(sorted(by_mark.items()))}, none mixed")


async def split_while_weights_change(ada: Person, edge: Edge) -> None:
    """Each generation is exact by itself: every count within one of its share."""
    before = {one["id"] for one in await all_runs(ada, CALLS)}
    generation = await ada.types_weights("prod", {1: "50", 2: "30", 3: "20"}, "half-way")

    await many(edge, CALLS, key=KEY, at_half=lambda: ada.applies_weights(generation))
    runs = [one for one in await all_runs(ada, 2 * CALLS) if one["id"] not in before]
    assert len(runs) == CALLS
    generations = sorted({one["generation"] for one in runs})
    assert len(generations) == 2
    for generation, shares in zip(
        generations, ({1: 0.25, 2: 0.25, 3: 0.5}, {1: 0.5, 2: 0.3, 3: 0.2}), strict=True
    ):
        counts = Counter(one["version"] for one in runs if one["generation"] == generation)
        total = sum(counts.values())
        # The first schedule went on from the run before, whose 400 calls were whole rounds of it.
        assert all(abs(counts[version] - share * total) < 1 for version, share in shares.items())
        stage(f"generation {generation}: {total} calls, {dict(sorted(counts.items()))}")
    await no_run_mixes(ada, runs)


async def push_unheard(whole: Whole) -> None:
    """A fourth commit whose webhook is lost."""
    await asyncio.to_thread(whole.github.drop_next)
    await asyncio.to_thread(whole.github.push, REPOSITORY, files("four"), "Say four")


async def find_the_unheard_push(ada: Person) -> None:
    """It is a version within a minute or so all the same; prod holds its weights, so it serves nobody."""
    await ada.sees_version(4, "Ready")
    (four,) = [one for one in await versions_of(ada) if one["number"] == 4]
    assert [(one["environment"], one["weight"]) for one in four["deployments"]] == [("prod", 0)]
    stage("a push whose webhook was lost is version 4, at 0 %: prod holds its weights")


async def see_a_line(ada: Person, edge: Edge) -> None:
    await ada.opens(f"/{ada.project}/prod/logs")
    lines = ada.page.get_by_label("Log lines, oldest first")
    await expect(lines).to_be_visible()
    started = time.monotonic()
    async with edge.client() as client:
        await order(client, KEY, sku="lighthouse")
    await expect(lines.get_by_text("order closed lighthouse")).to_be_visible(timeout=10_000)
    stage(f"a log line was in the open page {time.monotonic() - started:.2f} s after the call")


async def keep_a_sample(ada: Person, edge: Edge) -> str:
    async with edge.client() as client:
        public_id = (await order(client, KEY, sku="sample"))["id"]
    environment = await ada.environment("prod")
    run = await done(ada, environment["id"], public_id)
    await ada.adds_to_dataset("prod", run["id"], "orders")
    stage(f"run {run['id']} is a sample of the dataset `orders`")
    return run["id"]


async def replay_it(ada: Person, whole: Whole, run: str, folder: Path) -> None:
    command_line = CommandLine(folder / "home", hub=whole.hub)
    await command_line.log_in(ada.page)
    sample_version = await version_of(ada, run)
    root = folder / "checkout"
    write(root, files(MARKS[sample_version]))
    await command_line.run("install", at=root)
    await command_line.run("datasets", "pull", "orders", "--project", ada.project, at=root)
    stage("the CLI logged in through that browser and pulled the dataset")
    same = await command_line.run("replay", "orders", at=root, env={"ORDERS_KEY": KEY})
    stage(f"unchanged: {same.first_difference}")
    for name, (path, old, new) in CHANGED.items():
        changed = folder / name.replace(" ", "-")
        shutil.copytree(root, changed, symlinks=True)
        source = (changed / path).read_text()
        assert source.count(old) == 1
        (changed / path).write_text(source.replace(old, new))
        found = await command_line.run(
            "replay", "orders", at=changed, env={"ORDERS_KEY": KEY}, exits=1
        )
        step = re.sub(r"\.step\.\w+$", "", path)
        assert step in found.said, found.said
        stage(f"{name}: {found.first_difference}")


# What the stages ask


async def project_of(ada: Person) -> dict[str, Any]:
    organization, project = ada.project.split("/")
    return await ada.reads(f"/api/v1/organizations/{organization}/projects/{project}")


async def versions_of(ada: Person) -> list[dict[str, Any]]:
    page = await ada.reads(f"/api/v1/projects/{(await project_of(ada))['id']}/versions")
    return page["items"]


async def all_runs(ada: Person, at_least: int) -> list[dict[str, Any]]:
    """Every run of prod, once there are so many and all have ended."""
    environment = (await ada.environment("prod"))["id"]
    async with asyncio.timeout(60):
        while True:
            runs: list[dict[str, Any]] = []
            before = ""
            while True:
                page = await ada.reads(
                    f"/api/v1/environments/{environment}/runs?limit=100{before and f'&before={before}'}"
                )
                runs += page["runs"]
                if not (before := page["next"]):
                    break
            if len(runs) >= at_least and all(one["status"] == "done" for one in runs):
                return runs
            await asyncio.sleep(0.2)  # records are on their way; nothing tells a reader of the API


async def no_run_mixes(ada: Person, runs: list[dict[str, Any]]) -> None:
    """Every attempt of a run says the mark of the version that the run was drawn to."""
    environment = (await ada.environment("prod"))["id"]
    for run in runs[::10]:
        detail = await ada.reads(f"/api/v1/environments/{environment}/runs/{run['id']}")
        marks = set(re.findall(r"'(?:mark|by)': '(\w+)'", str(detail["attempts"])))
        assert marks == {MARKS[run["version"]]}, detail
        assert len(detail["attempts"]) == 3


async def checked(whole: Whole, sha: str) -> None:
    """GitHub was told that this commit is built."""
    async with asyncio.timeout(30):
        while True:
            changes = await asyncio.to_thread(whole.github.changes, sha)
            if any("success" in str(change["now"]) for change in changes):
                return
            await asyncio.sleep(0.2)  # the Hub's worker tells GitHub; nobody tells us


async def done(ada: Person, environment: str, run: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            response = await ada.page.request.get(
                f"{ada.hub}/api/v1/environments/{environment}/runs/{run}"
            )
            if response.ok and (found := (await response.json())["run"])["status"] == "done":
                return found
            await asyncio.sleep(0.1)


async def version_of(ada: Person, run: str) -> int:
    environment = (await ada.environment("prod"))["id"]
    return (await ada.reads(f"/api/v1/environments/{environment}/runs/{run}"))["run"]["version"]


def write(root: Path, sources: dict[str, str]) -> None:
    for path, text in sources.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def stage(said: str) -> None:
    print(f"\n  ✓ {said}", flush=True, file=sys.__stderr__)
