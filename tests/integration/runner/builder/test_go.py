"""A Go project through the builder: its modules, one program, and that program as a host in the sandbox."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runner.agent.loading import built
from runner.builder import go
from runner.builder.build import Shop
from runner.builder.indexes import Indexes
from runner.builder.store import Store
from runner.sandbox import SandboxLauncher
from tests.conformance.languages.calls import context, request
from tests.conformance.languages.recorder import Recorder
from tests.integration.runner.builder.conftest import building, serving
from tests.integration.runner.builder.machine_api import ORGANIZATION, MachineApi
from tests.integration.runner.builder.test_builds import an_upload
from tests.integration.wistro.compiler import go_proxy
from wistro.hosts.pool import HostPool, Project
from wistro.hosts.port import HostCall, Returned
from wistro.languages.go import modules, toolchain
from wistro.lock import file
from wistro.protocol.bundle import Bundle
from wistro.protocol.frames import StepCode

pytestmark = pytest.mark.timeout(300)  # Go compiles its standard library once a machine
GO_MOD = f"""module greeter

go 1.22

require (
	{go_proxy.MODULE} {go_proxy.VERSION}
	{modules.SDK_MODULE} v0.0.0
)

replace {modules.SDK_MODULE} => ./{modules.SDK_AT}
"""
STEP = """package greetings

import (
	"os"

	"example.com/greet"
	"wistro.dev/sdk"
)

var key = os.Getenv("KEY")

var Greet = sdk.API(sdk.APIConfig{
	Name: "Greet", Method: "POST", Path: "/greetings", Public: true,
}, func(ctx *sdk.Context, request *sdk.Request[any]) (*sdk.Response, error) {
	_, err := os.ReadFile("/etc/shadow")
	return sdk.JSON(200, map[string]any{"says": greet.Hello("Ada"), "key": key, "shadow": err == nil}), nil
})
"""
STEP_ID = "src/greetings/greet#Greet"


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = go_proxy.lay(tmp_path_factory.mktemp("proxy"))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    with serving(server):
        # Go sends nothing for a loopback address to a proxy, and knows this one by its full spelling alone.
        yield f"127.1:{server.server_address[1]}"


@pytest.fixture(scope="module")
def warm(store: Store) -> None:
    """The organization has built Go before: the standard library is compiled once a machine, not in every run."""
    cache = Path.home() / ".cache" / "wistro-tests" / "go"
    cache.mkdir(parents=True, exist_ok=True)
    program = toolchain.find(Path("/"), None, go.PATH)
    env = {"HOME": os.environ["HOME"], "GOCACHE": str(cache), "CGO_ENABLED": "0", "GOFLAGS": ""}
    command = [str(program), "build", "-trimpath", "-mod=readonly", "-buildvcs=false", "./..."]
    subprocess.run(command, cwd=modules.SDK, env=env, check=True, timeout=280)
    shutil.copytree(cache, go.cache_of(store, ORGANIZATION), dirs_exist_ok=True)


@pytest.fixture
async def builder_of_go(
    api: MachineApi,
    store: Store,
    launcher: SandboxLauncher,
    found: Indexes,
    proxy: str,
    warm: None,
    tmp_path: Path,
) -> AsyncIterator[Shop]:
    indexes = replace(
        found, go=(f"http://{proxy}",), go_sums="off", reachable=(*found.reachable, proxy)
    )
    async with building(api, store, launcher, indexes, tmp_path) as shop:
        yield shop


def project(tmp_path: Path, proxy: str) -> dict[str, str]:
    """With the go.sum that `go mod download` writes."""
    root = tmp_path / "laptop"
    (root / "src" / "greetings").mkdir(parents=True)
    (root / "go.mod").write_text(GO_MOD)
    (root / "src" / "greetings" / "greet.step.go").write_text(STEP)
    modules.put_sdk(root)
    env = toolchain.environment() | {
        "GOPROXY": f"http://{proxy.replace('127.1', '127.0.0.1')}",
        "GOSUMDB": "off",
        "GOMODCACHE": str(tmp_path / "modules"),
        "GOFLAGS": "-modcacherw",
    }
    program = toolchain.find(root, None, go.PATH)
    subprocess.run(
        [str(program), "mod", "tidy"],
        cwd=root,
        env=env,
        check=True,
        timeout=100,
        capture_output=True,
    )
    names = ("go.mod", "go.sum", "src/greetings/greet.step.go")
    return {name: (root / name).read_text() for name in names} | {"wistro.yml": "env: [KEY]\n"}


def laid_out(api: MachineApi, bundle: Bundle, root: Path) -> None:
    for entry in bundle.files:
        path = root / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(api.blobs[entry.sha256])
        path.chmod(0o755 if entry.mode == "755" else 0o644)


async def test_a_go_project_is_built_and_its_program_runs_in_the_sandbox(
    api: MachineApi, builder_of_go: Shop, launcher: SandboxLauncher, proxy: str, tmp_path: Path
) -> None:
    api.order(upload=an_upload(api, project(tmp_path, proxy)))

    result = await api.result()

    assert result.outcome == "ready", api.text()
    assert result.lock is not None
    lock = file.parse(result.lock.encode())
    assert list(lock.steps) == [STEP_ID]
    assert "go mod download" in api.text()
    bundle = api.bundle(result.bundle)
    assert bundle.layers == []  # modules are for compiling alone
    programs = [entry for entry in bundle.files if entry.path.startswith(".wistro/build/go-")]
    assert [(one.path.rpartition("/")[2], one.mode) for one in programs] == [
        ("built.json", "644"),
        ("steps", "755"),
    ]
    root = tmp_path / "version"
    laid_out(api, bundle, root)
    assert await answer(root, built(root, lock), launcher) == {
        "says": "Hello, Ada",
        "key": "s3cret",
        "shadow": False,
    }


async def answer(root: Path, programs: dict[str, str], launcher: SandboxLauncher) -> object:
    steps = {STEP_ID: StepCode("src/greetings/greet.step.go", programs[STEP_ID])}
    pool = HostPool(Project(root, {"go": steps}, env={"KEY": "s3cret"}), launcher=launcher)
    try:
        call = HostCall(STEP_ID, "api", request({}), context(), 20.0)
        outcome = await pool.call(call, Recorder())
    finally:
        await pool.close(grace_s=2)
    assert isinstance(outcome, Returned), outcome
    return outcome.answer["body"]


async def test_a_module_that_no_proxy_has_fails_with_gos_words(
    api: MachineApi, builder_of_go: Shop, proxy: str, tmp_path: Path
) -> None:
    files = project(tmp_path, proxy)
    files = {name: text.replace("v1.2.3", "v1.2.4") for name, text in files.items()}
    api.order(upload=an_upload(api, files))

    result = await api.result()

    assert result.outcome == "failed"
    assert "v1.2.4" in api.text()
