"""Several versions side by side, variables, layers, TypeScript, and versions that cannot run."""

from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from tests.factories.routing import deployment_id
from tests.factories.versions import a_bundle, a_layer, put_folder, write
from tests.integration.runner.agent.conftest import SECRET, Machine, a_project
from wistro.languages.node import tools
from wistro.lock import file
from wistro.protocol.bundle import Bundle
from wistro.protocol.records import LineRecord


async def test_two_versions_run_side_by_side_and_one_drains(machine: Machine) -> None:
    first, second = machine.bundle(a_project(1)), machine.bundle(a_project(2))
    halves = [
        machine.assigned(first, version=1, weight=5000),
        machine.assigned(second, version=2, weight=5000),
    ]
    machine.assign(*halves)
    await machine.start_agent()
    await machine.api.state(deployment_id(1), "healthy")
    await machine.api.state(deployment_id(2), "healthy")

    versions = Counter([(await machine.call())[1]["version"] for _ in range(10)])
    machine.assign(
        machine.assigned(first, version=1, weight=0, want="drain"),
        machine.assigned(second, version=2),
    )
    draining = await machine.api.state(deployment_id(1), "draining")
    after = [await machine.call() for _ in range(3)]
    machine.assign(
        machine.assigned(first, version=1, weight=0, want="stop"),
        machine.assigned(second, version=2),
    )
    await machine.api.state(deployment_id(1), "stopped")

    assert versions == {1: 5, 2: 5} and draining.live_runs == 0
    assert after == [(200, {"version": 2})] * 3


async def test_changed_variables_reach_a_successor(machine: Machine) -> None:
    project = a_project()
    project["src/order.step.py"] = project["src/order.step.py"].replace(
        '{"version": 1}', '{"key": ctx.env["PAY_KEY"][-3:]}'
    )
    bundle = machine.bundle(project)
    machine.assign(machine.assigned(bundle))
    await machine.start_agent()
    await machine.api.state(deployment_id(1), "healthy")
    before = await machine.call()

    other = {"variables": {"PAY_KEY": "another-secret-xyz"}, "revision": 2}
    machine.assign(machine.assigned(bundle, version=2, **other))
    await machine.api.state(deployment_id(2), "healthy")

    assert (before, await machine.call()) == ((200, {"key": "234"}), (200, {"key": "xyz"}))


async def test_a_secret_is_neither_on_disk_nor_in_arguments_or_environment(
    machine: Machine,
) -> None:
    machine.assign(machine.assigned(machine.bundle(a_project())))
    await machine.start_agent()
    await machine.api.state(deployment_id(1), "healthy")
    await machine.call()
    await machine.api.record(LineRecord, message="order taken")

    engine = await machine.engine_pid()
    seen = _arguments_and_environments(engine)
    spooled = [one.read_bytes() for one in machine.spool.rglob("*.jsonl")]
    whole = [one.read_bytes() for one in machine.data.rglob("*") if one.is_file()]

    assert spooled and SECRET.encode() not in b"".join(whole)
    assert SECRET.encode() not in seen and b"pool-token-of-the-hub" not in seen


async def test_a_layer_is_what_steps_import_from(machine: Machine, tmp_path: Path) -> None:
    write(tmp_path, {"teas/__init__.py": "BEST = 'oolong'\n", "bin/run": "#!/bin/sh\n"})
    (tmp_path / "bin/run").chmod(0o755)
    (tmp_path / "bin/again").symlink_to("run")
    project = a_project()
    project["src/order.step.py"] = project["src/order.step.py"].replace(
        'return {"status": 200, "body": {"version": 1}}',
        'import teas; return {"status": 200, "body": teas.BEST}',
    )
    layers = [a_layer(machine.api, tmp_path)]
    bundle = machine.bundle(project, layers=layers)
    machine.assign(machine.assigned(bundle))
    await machine.start_agent()
    await machine.api.state(deployment_id(1), "healthy")

    assert await machine.call() == (200, "oolong")
    folder = machine.data / "versions" / bundle / ".wistro/packages/python"
    assert (folder / "bin/run").stat().st_mode & 0o777 == 0o555
    assert (folder / "bin/again").readlink() == Path("run")


async def test_a_typescript_step_runs_from_its_built_module(
    machine: Machine, tmp_path: Path
) -> None:
    write(
        tmp_path,
        {
            "wistro.yml": "name: shop\n",
            "package.json": '{"name": "shop", "type": "module"}',
            "src/order.step.ts": """
export const config = { type: "api", name: "Order", method: "POST", path: "/orders", public: true, emits: [], flows: [] };
export const handler = async (req: { body: { item: string } }) => ({ status: 200, body: { got: req.body.item } });
""",
        },
    )
    try:
        tools.esbuild(tmp_path)
    except tools.NoTools as missing:
        pytest.skip(str(missing))
    machine.assign(machine.assigned(a_bundle(machine.api, tmp_path)))
    await machine.start_agent()
    await machine.api.state(deployment_id(1), "healthy")

    assert await machine.call() == (200, {"got": "tea"})


async def failed(machine: Machine, bundle: str) -> str:
    machine.assign(machine.assigned(bundle))
    await machine.start_agent()
    health = await machine.api.state(deployment_id(1), "failed")
    assert health.error is not None
    return health.error


async def test_a_bundle_that_the_hub_does_not_have_is_reported(machine: Machine) -> None:
    assert "agent.bundle" in await failed(machine, "0" * 64)


async def test_a_blob_that_differs_from_its_name_is_reported(machine: Machine) -> None:
    bundle = machine.bundle(a_project())
    listed = msgspec.json.decode(machine.api.blobs[bundle], type=Bundle)
    machine.api.blobs[listed.files[0].sha256] += b"# changed on the way"

    error = await failed(machine, bundle)

    assert "agent.bundle" in error and listed.files[0].sha256 in error


async def test_a_lock_that_was_changed_is_reported_and_neighbours_serve(
    machine: Machine, tmp_path: Path
) -> None:
    good = machine.bundle(a_project(2))
    write(tmp_path, a_project())
    lock = next((machine.data / "..").resolve().glob("tmp*/wistro.yml.lock")).read_text()
    write(tmp_path, {"wistro.yml.lock": lock.replace("Ship", "Sink")})
    machine.assign(
        machine.assigned(put_folder(machine.api, tmp_path), version=1, weight=0),
        machine.assigned(good, version=2),
    )
    await machine.start_agent()

    health = await machine.api.state(deployment_id(1), "failed")
    await machine.api.state(deployment_id(2), "healthy")

    assert health.error is not None and "lock.damaged" in health.error
    assert await machine.call() == (200, {"version": 2})


async def test_a_host_that_cannot_start_is_reported(machine: Machine, tmp_path: Path) -> None:
    write(tmp_path, a_project())
    a_bundle(machine.api, tmp_path)
    lock = file.read(tmp_path / file.NAME)
    lock.runtimes = {"python": "3.7"}
    (tmp_path / file.NAME).write_bytes(file.write(lock))

    error = await failed(machine, put_folder(machine.api, tmp_path))

    assert "3.7" in error and "cannot start" in error


async def test_below_the_tier_that_was_asked_for_an_agent_refuses_to_start(
    machine: Machine,
) -> None:
    await machine.start_agent(WISTRO_UNTRUSTED="1", WISTRO_SANDBOX="off")
    assert machine.agent is not None

    assert await machine.agent.wait() == 1
    assert "WISTRO_UNTRUSTED" in machine.said() and "Traceback" not in machine.said()


def _arguments_and_environments(pid: int) -> bytes:
    """Of a process and all below it that may be read."""
    found, seen = [pid], b""
    for one in found:
        for task in Path(f"/proc/{one}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
        for name in ("cmdline", "environ"):
            with contextlib.suppress(OSError):
                seen += Path(f"/proc/{one}/{name}").read_bytes()
    return seen
