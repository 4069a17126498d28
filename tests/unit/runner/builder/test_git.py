from __future__ import annotations

import base64
from pathlib import Path

import pytest

from runner.builder import git
from runner.builder.problems import BuildFailed, GitAddress
from wistro.protocol.machine import GitSource

TOKEN = "short-lived-token"


def test_the_token_is_configured_for_that_host_alone() -> None:
    source = GitSource("https://git.example.com:8443/a/b.git", "1" * 40, token=TOKEN)

    env = git.environment(source, git.place(source.url))

    header = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    (number,) = [key.rpartition("_")[2] for key, value in env.items() if header in value]
    assert env[f"GIT_CONFIG_KEY_{number}"] == "http.https://git.example.com:8443/.extraHeader"
    assert int(env["GIT_CONFIG_COUNT"]) == sum(key.startswith("GIT_CONFIG_KEY_") for key in env)


def test_what_a_repository_could_have_run_is_off() -> None:
    source = GitSource("https://git.example.com/a/b.git", "1" * 40)
    env = git.environment(source, git.place(source.url))
    count = int(env["GIT_CONFIG_COUNT"])
    config = {env[f"GIT_CONFIG_KEY_{n}"]: env[f"GIT_CONFIG_VALUE_{n}"] for n in range(count)}

    assert config["core.hooksPath"] == "/dev/null"
    assert config["protocol.allow"] == "never"
    assert [key for key, value in config.items() if value == "always"] == ["protocol.https.allow"]
    assert (config["submodule.recurse"], config["filter.lfs.smudge"]) == ("false", "")
    assert env["GIT_ALLOW_PROTOCOL"] == "https"
    assert not any("Authorization" in value for value in config.values())


def test_credentials_written_into_a_url_go_no_further() -> None:
    where = git.place("https://ada:secret@git.example.com/a/b.git?token=secret#secret")

    assert where.url == "https://git.example.com/a/b.git"
    assert where.host_port == "git.example.com:443"


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc",
        "/etc",
        "ext::sh -c id",
        "ssh://git@example.com/a.git",
        "git@example.com:a.git",
        "git://example.com/a.git",
        "https:///a.git",
        "https://example.com:99999/a.git",
        "",
    ],
)
def test_another_kind_of_address_is_refused(url: str) -> None:
    with pytest.raises(GitAddress):
        git.place(url)


def test_a_subdirectory_is_found_without_following_links(tmp_path: Path) -> None:
    (tmp_path / "services/greeter").mkdir(parents=True)
    (tmp_path / "alias").symlink_to("/etc")

    assert git.subdirectory(tmp_path, "services/greeter") == tmp_path / "services/greeter"
    assert git.subdirectory(tmp_path, "/services/./greeter/") == tmp_path / "services/greeter"
    assert git.subdirectory(tmp_path, None) == tmp_path
    for name in ("alias", "..", "services/../..", "nowhere"):
        with pytest.raises(BuildFailed):
            git.subdirectory(tmp_path, name)
