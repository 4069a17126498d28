"""The builder fetches over https from the double of GitHub, with the two settings that open that, and not without."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.github import GitHub
from tests.integration.runner.builder.machine_api import MachineApi
from tests.integration.runner.builder.test_builds import PROJECT
from tests.integration.runner.builder.test_process import a_builder, end
from wistro.protocol.machine import BuildResult, GitSource

MANIFEST = {"name": "A builder's", "url": "x", "redirect_url": "x"}


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHub]:
    with GitHub.start(tmp_path_factory.mktemp("github")) as github:
        yield github


@pytest.fixture
def source(github: GitHub, tmp_path: Path) -> GitSource:
    """A commit that its branch left since, in a private repository, with a token for it."""
    name = f"acme/{tmp_path.name.replace('[', '-').replace(']', '')}".lower()
    github.repository(name)
    sha = github.push(name, dict(PROJECT))
    github.push(name, {"src/greet.step.py": "broken"})
    app = github.make_app(MANIFEST | {"default_permissions": {"contents": "read"}})
    token = github.token(github.install(app["id"], "acme", [name]))
    return GitSource(f"{github.url}/{name}.git", sha, ref="refs/heads/main", token=token)


async def built(api: MachineApi, source: GitSource, tmp_path: Path, **settings: str) -> BuildResult:
    api.order(git=source)
    builder = a_builder(api, tmp_path, **settings)
    try:
        return await api.result()
    finally:
        end(builder, signal.SIGTERM)


async def test_an_exact_commit_is_fetched_with_a_short_lived_token(
    api: MachineApi, github: GitHub, source: GitSource, tmp_path: Path
) -> None:
    result = await built(
        api, source, tmp_path,
        WISTRO_TRUSTED_NETWORKS="127.0.0.0/8", WISTRO_EXTRA_CA=str(github.ca),
    )  # fmt: skip

    assert result.outcome == "ready", api.text()
    assert str(source.token) not in api.text()


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ((), "build.git-address"),
        (("WISTRO_TRUSTED_NETWORKS",), "build.git"),  # its certificate is nobody's
        (("WISTRO_EXTRA_CA",), "build.git-address"),
    ],
)
async def test_the_same_address_is_refused_without_the_settings(
    api: MachineApi,
    github: GitHub,
    source: GitSource,
    tmp_path: Path,
    given: tuple[str, ...],
    code: str,
) -> None:
    every = {"WISTRO_TRUSTED_NETWORKS": "127.0.0.0/8", "WISTRO_EXTRA_CA": str(github.ca)}

    result = await built(api, source, tmp_path, **{name: every[name] for name in given})

    assert [problem.code for problem in result.problems] == [code], api.text()


async def test_a_token_that_ended_is_denied_by_name(
    api: MachineApi, github: GitHub, source: GitSource, tmp_path: Path
) -> None:
    github.expire_tokens()

    result = await built(
        api, source, tmp_path,
        WISTRO_TRUSTED_NETWORKS="127.0.0.0/8", WISTRO_EXTRA_CA=str(github.ca),
    )  # fmt: skip

    assert [problem.code for problem in result.problems] == ["build.git-denied"], api.text()
