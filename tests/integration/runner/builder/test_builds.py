"""Orders of a Hub, worked off by the real builder in real sandboxes."""

from __future__ import annotations

import pytest

from runner.builder.build import Shop
from tests.integration.runner.builder.git_host import TOKEN, GitHost
from tests.integration.runner.builder.machine_api import MachineApi
from wistro.lock import file
from wistro.protocol.bundle import Bundle, BundledFile
from wistro.protocol.machine import GitSource

STEP = """
config = {"type": "api", "name": "Greet", "method": "POST", "path": "/hello/:name", "public": True,
          "emits": [], "flows": ["greeting"]}
async def handler(req, ctx):
    return {"status": 200, "body": {}}
"""
PROJECT = {"src/greet.step.py": STEP, "wistro.yml": "name: greeter\n"}


def an_upload(api: MachineApi, files: dict[str, str]) -> Bundle:
    return Bundle(
        [
            BundledFile(path, "644", api.put(text.encode()), len(text.encode()))
            for path, text in files.items()
        ]
    )


def a_source(host: GitHost, name: str, commit: str, **more) -> GitSource:
    return GitSource(host.url(name), commit, ref="main", token=TOKEN, **more)


async def test_a_pushed_commit_becomes_a_bundle_with_its_lock(
    api: MachineApi, host: GitHost, builder: Shop
) -> None:
    first = host.commit("shop", PROJECT)
    host.commit("shop", {"src/greet.step.py": STEP.replace("Greet", "Later")})
    api.order(git=a_source(host, "shop", first))

    result = await api.result()

    assert result.outcome == "ready", api.text()
    assert result.lock is not None
    lock = file.parse(result.lock.encode())
    assert [step.config.name for step in lock.steps.values()] == [
        "Greet"
    ]  # that commit, not the newest
    assert [(each["method"], each["path"]) for each in result.endpoints] == [
        ("POST", "/hello/:name")
    ]
    files = {entry.path: entry for entry in api.bundle(result.bundle).files}
    assert set(files) == {"src/greet.step.py", "wistro.yml", "wistro.yml.lock"}
    assert api.blobs[files["wistro.yml.lock"].sha256].decode() == result.lock
    said_in = [*dict.fromkeys(line.stage for line in api.lines)]
    assert said_in == ["fetching", "compiling", "uploading"]
    assert [line.seq for line in api.lines] == list(range(1, len(api.lines) + 1))
    assert TOKEN not in api.text()


async def test_the_token_is_sent_to_the_git_host_and_stands_in_no_url(
    api: MachineApi, host: GitHost, builder: Shop
) -> None:
    commit = host.commit("tokens", PROJECT)
    host.asked.clear()
    api.order(git=a_source(host, "tokens", commit))

    assert (await api.result()).outcome == "ready", api.text()

    assert any(given for _, given in host.asked)
    assert not any(TOKEN in path for path, _ in host.asked)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"token": "expired"}, "build.git-denied"),
        ({"commit": "1" * 40}, "build.commit-gone"),
        ({"commit": "main"}, "build.commit-gone"),
        ({"commit": "--upload-pack=touch /tmp/x"}, "build.commit-gone"),
        ({"url": "file:///etc"}, "build.git-address"),
        ({"url": "ext::sh -c id"}, "build.git-address"),
        ({"url": "ssh://git@example.com/x.git"}, "build.git-address"),
        ({"url": "http://169.254.169.254/x.git"}, "build.git-address"),
        ({"url": "http://10.0.0.1/x.git"}, "build.git-address"),
        ({"subdirectory": "../.."}, "build.failed"),
        ({"subdirectory": "nowhere"}, "build.failed"),
    ],
)
async def test_what_cannot_be_fetched_fails_by_name(
    change: dict[str, str], code: str, api: MachineApi, host: GitHost, builder: Shop
) -> None:
    commit = host.commit("shop", PROJECT)
    fields = {"url": host.url("shop"), "commit": commit, "token": TOKEN} | change
    api.order(git=GitSource(**fields))

    result = await api.result()

    assert result.outcome == "failed"
    assert [problem.code for problem in result.problems] == [code], api.text()


async def test_a_missing_repository_fails_by_name(
    api: MachineApi, host: GitHost, builder: Shop
) -> None:
    api.order(git=a_source(host, "nothing", "1" * 40))

    assert [problem.code for problem in (await api.result()).problems] == ["build.git-not-found"]


async def test_a_redirect_elsewhere_is_not_followed(
    api: MachineApi, host: GitHost, builder: Shop
) -> None:
    commit = host.commit("moved", PROJECT)
    host.redirect_to = f"http://127.0.0.1:{api.port}"
    api.order(git=a_source(host, "moved", commit))
    try:
        result = await api.result()
    finally:
        host.redirect_to = None

    assert result.outcome == "failed"
    assert TOKEN not in api.text()


async def test_hooks_submodules_and_filters_of_a_repository_do_not_run(
    api: MachineApi, host: GitHost, builder: Shop
) -> None:
    tricks = {
        ".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = ext::sh -c "touch /repository/owned"\n',
        ".gitattributes": "*.bin filter=lfs\n* filter=evil\n",
        "data.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        ".githooks/post-checkout": "#!/bin/sh\ntouch /repository/owned\n",
    }
    commit = host.commit("tricks", PROJECT | tricks)
    api.order(git=a_source(host, "tricks", commit))

    result = await api.result()

    assert result.outcome == "ready", api.text()
    assert "owned" not in {entry.path for entry in api.bundle(result.bundle).files}


async def test_a_link_out_of_the_project_is_refused(
    api: MachineApi, host: GitHost, builder: Shop
) -> None:
    commit = host.commit("links", PROJECT, links={"src/passwords": "/etc/shadow"})
    api.order(git=a_source(host, "links", commit))

    result = await api.result()

    assert [problem.code for problem in result.problems] == ["build.unsafe-file"]


async def test_a_link_inside_the_project_is_kept(
    api: MachineApi, host: GitHost, builder: Shop
) -> None:
    commit = host.commit("inner", PROJECT, links={"src/settings": "../wistro.yml"})
    api.order(git=a_source(host, "inner", commit))

    result = await api.result()

    entries = {entry.path: entry for entry in api.bundle(result.bundle).files}
    assert entries["src/settings"].mode == "link"
    assert api.blobs[entries["src/settings"].sha256] == b"../wistro.yml"


async def test_a_subdirectory_is_the_project(api: MachineApi, host: GitHost, builder: Shop) -> None:
    inside = {f"services/greeter/{path}": text for path, text in PROJECT.items()}
    commit = host.commit("mono", {"README": "x"} | inside)
    api.order(git=a_source(host, "mono", commit, subdirectory="services/greeter"))

    result = await api.result()

    assert result.outcome == "ready", api.text()
    assert "README" not in {entry.path for entry in api.bundle(result.bundle).files}


async def test_an_uploaded_folder_is_built(api: MachineApi, builder: Shop) -> None:
    api.order(upload=an_upload(api, PROJECT))

    result = await api.result()

    assert result.outcome == "ready", api.text()
    assert "wistro.yml.lock" in {entry.path for entry in api.bundle(result.bundle).files}


async def test_a_typescript_step_is_compiled_without_network_and_its_module_is_in_the_bundle(
    api: MachineApi, builder: Shop
) -> None:
    """esbuild is the builder's own: the project's package.json neither names nor replaces it."""
    files = PROJECT | {
        "src/lib/names.ts": "export const names: string[] = ['Ada'];\n",
        "src/say.step.ts": """
import { names } from './lib/names';
export const config = { type: 'event', name: names[0], subscribes: ['said'], emits: [] };
export const handler = async () => {};
""",
        "src/greet.step.py": STEP.replace('"emits": []', '"emits": ["said"]'),
        "package.json": '{"private": true, "type": "module"}',
    }
    api.order(upload=an_upload(api, files))

    result = await api.result()

    assert result.outcome == "ready", api.text()
    assert result.lock is not None
    assert file.parse(result.lock.encode()).steps["src/say"].config.name == "Ada"
    paths = [entry.path for entry in api.bundle(result.bundle).files]
    assert any(path.startswith(".wistro/build/") for path in paths)
    assert not any(path.startswith(".wistro/tools") for path in paths)


async def test_an_upload_with_a_path_out_of_it_is_refused(api: MachineApi, builder: Shop) -> None:
    api.order(upload=an_upload(api, PROJECT | {"../outside": "x"}))

    assert [each.code for each in (await api.result()).problems] == ["build.source"]


async def test_a_committed_lock_that_holds_is_kept_and_one_that_differs_fails_with_the_difference(
    api: MachineApi, builder: Shop
) -> None:
    api.order(upload=an_upload(api, PROJECT))
    lock = (await api.result()).lock
    assert lock is not None

    api.order(upload=an_upload(api, PROJECT | {"wistro.yml.lock": lock}))
    held = await api.result()
    changed = PROJECT | {"src/greet.step.py": STEP.replace("/hello", "/bye")}
    api.order(upload=an_upload(api, changed | {"wistro.yml.lock": lock}))
    differed = await api.result()

    assert (held.outcome, held.lock) == ("ready", lock)
    assert [each.code for each in differed.problems] == ["build.lock-differs"]
    assert "+" in api.text() and "/bye" in api.text()


async def test_a_project_that_does_not_compile_fails_with_the_compilers_words(
    api: MachineApi, builder: Shop
) -> None:
    broken = PROJECT | {"src/greet.step.py": STEP.replace('"public": True,', "")}
    api.order(upload=an_upload(api, broken))

    result = await api.result()

    assert result.outcome == "failed"
    assert result.problems[0].code.startswith("lock.")
    assert (result.problems[0].where or "").startswith("src/greet.step.py")


async def test_a_step_cannot_reach_anything_while_it_is_described(
    api: MachineApi, builder: Shop
) -> None:
    nosy = (
        "import os, socket\n"
        f"try:\n    socket.create_connection(('127.0.0.1', {api.port}), 2); found = 'open'\n"
        "except OSError:\n    found = 'closed'\n"
        "found += ' ' + ' '.join(sorted(name for name in os.environ if 'WISTRO' in name))\n"
    ) + STEP.replace('"Greet"', '"Greet " + found')
    api.order(upload=an_upload(api, PROJECT | {"src/greet.step.py": nosy}))

    result = await api.result()

    assert result.lock is not None, api.text()
    names = [step.config.name for step in file.parse(result.lock.encode()).steps.values()]
    assert names == ["Greet closed "]


async def test_a_cancelled_build_ends_and_says_so(api: MachineApi, builder: Shop) -> None:
    endless = "while True: pass\n" + STEP
    api.cancel_at = "compiling"
    api.order(upload=an_upload(api, PROJECT | {"src/greet.step.py": endless}), lease_s=1.0)

    result = await api.result()

    assert result.outcome == "cancelled"


async def test_a_build_whose_lease_is_lost_is_dropped_without_a_result(
    api: MachineApi, builder: Shop
) -> None:
    api.lost_at = "fetching"
    api.order(upload=an_upload(api, PROJECT))
    await api.reached("fetching")
    api.lost_at = None
    api.order(upload=an_upload(api, PROJECT))

    result = await api.result()

    assert result.outcome == "ready", api.text()
    assert not api.results


async def test_only_what_the_hub_lacks_is_uploaded(api: MachineApi, builder: Shop) -> None:
    api.order(upload=an_upload(api, PROJECT))
    await api.result()
    api.uploads.clear()

    api.order(upload=an_upload(api, PROJECT))
    result = await api.result()

    assert result.outcome == "ready"
    assert api.uploads == []


async def test_a_work_folder_goes_with_its_build(api: MachineApi, builder: Shop, store) -> None:
    api.order(upload=an_upload(api, PROJECT))

    await api.result()

    assert list((store.blobs.parent / "work").iterdir()) == []
