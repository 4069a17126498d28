"""Fetch one commit in a sandbox of its own: it has the token and no tenant's code, and reaches the git host alone.

The token lies in git's configuration by environment, which the stub sets from a memory file: it is in no argv, no URL and
no file. Hooks, submodules, LFS, `ext::` and local protocols are off; what is checked out is data to git.
"""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from runner.builder import problems, sandboxed
from runner.builder.sandboxed import Command
from runner.sandbox import Limits, Network, SandboxLauncher
from wistro.hosts.port import Bind, Launch
from wistro.protocol.machine import GitSource

TIMEOUT_S = 180.0
MOST_BYTES = 512 << 20
_REPOSITORY = Path("/repository")
_CA = Path("/.wistro-ca.pem")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SCHEMES = {"https": 443, "http": 80}
_TOO_LARGE = 77
# $1 url, $2 commit, $3 ref, $4 most bytes. A host may refuse a commit by its id; then the ref has to contain it.
_SCRIPT = f"""
cd {_REPOSITORY} && git init --quiet . || exit 1
if ! git fetch --quiet --depth 1 --no-tags --no-recurse-submodules -- "$1" "$2"; then
  [ -n "$3" ] || exit 1
  echo "asking for $3 instead"
  git fetch --quiet --no-tags --no-recurse-submodules -- "$1" "$3" || exit 1
fi
git cat-file -e "$2^{{commit}}" 2>/dev/null || {{ echo "not our ref $2"; exit 1; }}
bytes=$(git ls-tree -r -l "$2" | awk '{{ sum += $4 }} END {{ printf "%d", sum }}') || exit 1
[ "$bytes" -le "$4" ] || exit {_TOO_LARGE}
git checkout --quiet --detach --force "$2" && git log -1 --format='%h %s'
"""

_CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "core.autocrlf": "false",
    "advice.detachedHead": "false",
    "fetch.fsckObjects": "true",
    "fetch.recurseSubmodules": "false",
    "submodule.recurse": "false",
    "filter.lfs.smudge": "",
    "filter.lfs.process": "",
    "filter.lfs.required": "false",
    "protocol.allow": "never",
    "http.followRedirects": "initial",  # a renamed repository; another host is not reachable from here
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
    "init.defaultBranch": "fetched",
    "gc.auto": "0",
    "credential.helper": "",
}


@dataclass(frozen=True)
class Place:
    """Where a repository is, without any credential that was written into its URL."""

    url: str
    scheme: str
    origin: str
    host_port: str


def place(url: str) -> Place:
    """Raises GitAddress for anything but http(s)."""
    try:
        parts = urlsplit(url)
        port = parts.port or _SCHEMES[parts.scheme]
    except (KeyError, ValueError) as error:
        raise problems.GitAddress(
            f"`{url.partition('@')[2] or url}` is no https address"
        ) from error
    if not parts.hostname:
        raise problems.GitAddress("the repository's address names no host")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    authority = f"{host}:{parts.port}" if parts.port else host
    clean = urlunsplit((parts.scheme, authority, parts.path, "", ""))
    return Place(clean, parts.scheme, f"{parts.scheme}://{authority}/", f"{host}:{port}")


async def fetch(
    source: GitSource,
    into: Path,
    *,
    launcher: SandboxLauncher,
    ca: Path,
    on_line: Callable[[str], None],
    timeout_s: float = TIMEOUT_S,
    most_bytes: int = MOST_BYTES,
) -> Path:
    """The project's folder: `into`, an empty folder of ours, or its subdirectory. No `.git` remains."""
    where = place(source.url)
    if not _COMMIT.fullmatch(source.commit):
        raise problems.CommitGone(f"`{source.commit[:64]}` is no commit's id")
    said: list[str] = []

    def heard(line: str) -> None:
        said.append(line)
        on_line(line)

    argv = ["/bin/sh", "-c", _SCRIPT, "sh", where.url, source.commit, source.ref or ""]
    launch = Launch(
        [*argv, str(most_bytes)],
        cwd=_REPOSITORY,
        env=environment(source, where),
        fds={},
        binds=[Bind(into, _REPOSITORY, writable=True), Bind(ca, _CA)],
        label="git fetch",
    )
    limits = Limits(file_bytes=most_bytes, processes=64)
    network = Network(only=(where.host_port,))
    ended = await sandboxed.run(launcher, Command(launch, network, limits, timeout_s, heard))
    shutil.rmtree(into / ".git", ignore_errors=True)
    if ended.exit == _TOO_LARGE:
        raise problems.TooLarge(f"the commit is larger than {most_bytes >> 20} MiB")
    if ended.exit != 0:
        raise _why("\n".join(said), where, source)
    return subdirectory(into, source.subdirectory)


def environment(source: GitSource, where: Place) -> dict[str, str]:
    config = _CONFIG | {f"protocol.{where.scheme}.allow": "always", "http.sslCAInfo": str(_CA)}
    if source.token:
        pair = f"{source.username or 'x-access-token'}:{source.token}".encode()
        header = f"Authorization: Basic {base64.b64encode(pair).decode()}"
        config[f"http.{where.origin}.extraHeader"] = header
    env = {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "GIT_ALLOW_PROTOCOL": where.scheme,
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_CONFIG_COUNT": str(len(config)),
        "NO_PROXY": "",
        "no_proxy": "",
    }
    for number, (key, value) in enumerate(config.items()):
        env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return env


def subdirectory(root: Path, name: str | None) -> Path:
    """The project inside the repository; a link on the way is not followed."""
    path = root
    for part in (name or "").strip("/").split("/"):
        if part in ("", "."):
            continue
        path = path / part
        if part == ".." or path.is_symlink() or not path.is_dir():
            raise problems.BuildFailed(
                f"there is no folder `{name}` in the repository",
                hint="Change the project's folder in its settings.",
            )
    return path


def _why(said: str, where: Place, source: GitSource) -> problems.BuildFailed:
    host = where.host_port
    refused = re.search(
        r"^remote: wistro: (.*)", said, re.MULTILINE
    )  # our proxy's words, over http
    if refused or re.search(r"CONNECT tunnel failed, response 403|403 from proxy", said):
        why = refused[1] if refused else f"{host} is not a public address"
        return problems.GitAddress(f"the repository cannot be reached from here: {why}")
    if re.search(r"Authentication failed|could not read (Username|Password)|error: 40[13]", said):
        return problems.GitDenied(f"{host} does not let us read the repository")
    if re.search(r"not our ref|couldn't find remote ref|upload-pack: not our", said):
        return problems.CommitGone(f"the repository no longer has {source.commit[:12]}")
    if re.search(r"repository '.*' not found|error: 404", said):
        return problems.GitNotFound(f"{host} has no such repository")
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "git said nothing")
    return problems.GitFailed(f"git could not fetch the commit: {last}")
