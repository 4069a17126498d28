"""Real packages from the indexes that this machine uses, installed in a sandbox, then imported by steps."""

from __future__ import annotations

import json

from runner.builder.build import Shop
from tests.integration.runner.builder.machine_api import MachineApi
from tests.integration.runner.builder.test_builds import PROJECT, STEP, an_upload
from wistro.lock import file

USING = "from iniconfig import IniConfig\nimport importlib.metadata as m\nfound = m.version('iniconfig')\n"
PYTHON = {
    "wistro.yml": "name: greeter\n",
    "requirements.txt": "-r more.txt\n",
    "more.txt": "iniconfig==1.1.1\n",  # another version of one that we have ourselves
    "src/greet.step.py": USING + STEP.replace('"Greet"', '"Greet " + found'),
}
NODE = PROJECT | {
    "package.json": json.dumps({"name": "greeter", "dependencies": {"left-pad": "1.3.0"}})
}


async def test_a_python_package_of_another_version_than_ours_is_what_a_step_imports(
    api: MachineApi, builder: Shop
) -> None:
    api.order(upload=an_upload(api, PYTHON))

    result = await api.result()

    assert result.outcome == "ready", api.text()
    assert result.lock is not None
    names = [step.config.name for step in file.parse(result.lock.encode()).steps.values()]
    assert names == ["Greet 1.1.1"]
    (layer,) = api.bundle(result.bundle).layers
    assert (layer.language, layer.at) == ("python", ".wistro/packages/python")
    files = {entry.path for entry in api.bundle(layer.bundle).files}
    assert "iniconfig/__init__.py" in files
    assert {entry.sha256 for entry in api.bundle(layer.bundle).files} <= set(api.blobs)


async def test_the_same_requirements_are_not_installed_twice(
    api: MachineApi, builder: Shop
) -> None:
    api.order(upload=an_upload(api, PYTHON))
    first = await api.result()
    changed = PYTHON | {"src/greet.step.py": PYTHON["src/greet.step.py"] + "\n# later\n"}
    api.order(upload=an_upload(api, changed))

    second = await api.result()

    assert api.bundle(first.bundle).layers == api.bundle(second.bundle).layers
    assert "unchanged, from an earlier build" in api.text()


async def test_a_changed_include_makes_another_layer(api: MachineApi, builder: Shop) -> None:
    api.order(upload=an_upload(api, PYTHON))
    first = await api.result()
    api.order(upload=an_upload(api, PYTHON | {"more.txt": "iniconfig==2.0.0\n"}))

    second = await api.result()

    assert second.outcome == "ready", api.text()
    assert api.bundle(first.bundle).layers != api.bundle(second.bundle).layers


async def test_an_npm_package_is_installed_into_a_layer(api: MachineApi, builder: Shop) -> None:
    api.order(upload=an_upload(api, NODE))

    result = await api.result()

    assert result.outcome == "ready", api.text()
    (layer,) = api.bundle(result.bundle).layers
    assert (layer.language, layer.at) == ("node", "node_modules")
    files = {entry.path for entry in api.bundle(layer.bundle).files}
    assert "left-pad/index.js" in files


async def test_an_install_script_runs_and_reaches_nothing_of_ours(
    api: MachineApi, builder: Shop
) -> None:
    script = (
        "const fs = require('fs'), net = require('net');"
        "const at = %s; let said = [];"
        "try { fs.readFileSync(at.blob); said.push('blob') } catch { said.push('no blob') }"
        "try { fs.readdirSync(at.data); said.push('data') } catch { said.push('no data') }"
        "said.push(JSON.stringify(process.env).includes('own-token') ? 'token' : 'no token');"
        "const s = net.connect({host: '127.0.0.1', port: at.port});"
        "s.on('connect', () => { said.push('hub'); done() });"
        "s.on('error', () => { said.push('no hub'); done() });"
        "function done() { fs.writeFileSync('node_modules/said.txt', said.join(', ')); s.destroy() }"
    )
    blobs = builder.store.blobs
    api.order(upload=an_upload(api, PROJECT))
    await api.result()
    blob = next(blobs.iterdir())
    at = json.dumps({"blob": str(blob), "data": str(blobs.parent), "port": api.port})
    manifest = json.loads(NODE["package.json"]) | {"scripts": {"postinstall": "node script.cjs"}}
    project = NODE | {"package.json": json.dumps(manifest), "script.cjs": script % at}

    api.order(upload=an_upload(api, project))
    result = await api.result()

    assert result.outcome == "ready", api.text()
    (layer,) = api.bundle(result.bundle).layers
    entries = {entry.path: entry for entry in api.bundle(layer.bundle).files}
    said = api.blobs[entries["said.txt"].sha256].decode()
    assert said == "no blob, no data, no token, no hub"


async def test_a_package_that_does_not_exist_fails_with_the_installers_words(
    api: MachineApi, builder: Shop
) -> None:
    wanted = "wistro-no-such-package-ever==1.0\n"
    api.order(upload=an_upload(api, PROJECT | {"requirements.txt": wanted}))

    result = await api.result()

    assert [each.code for each in result.problems] == ["build.install"]
    assert "wistro-no-such-package-ever" in api.text()


async def test_a_runtime_that_is_not_here_fails_by_name(api: MachineApi, builder: Shop) -> None:
    project = PYTHON | {"wistro.yml": 'name: greeter\nruntimes: {python: "3.7"}\n'}
    api.order(upload=an_upload(api, project))

    assert [each.code for each in (await api.result()).problems] == ["build.runtime"]
