"""Where packages come from: the builder's settings, by default what pip or uv, npm and go on this machine use.

Asked once, outside any sandbox and outside any project's folder. Addresses without a network (`file:`) are left out:
a sandbox does not see them.
"""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from wistro.languages.go import toolchain
from wistro.languages.runtimes import NotInstalled

_ASK_S = 30
_CA_VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
# pip knows its default index and where that keeps files; nobody else on the machine can be asked.
_ASK_PIP = (
    "import json; from pip._internal.models.index import PyPI;"
    "from pip._internal.configuration import Configuration as C; c = C(isolated=False); c.load();"
    "print(json.dumps([PyPI.simple_url, PyPI.file_storage_domain, dict(c.items())]))"
)


@dataclass(frozen=True)
class Indexes:
    """`reachable`: the `host:port`s that an install may reach although their addresses are not public."""

    python: str | None
    python_extra: tuple[str, ...]
    node: str | None
    go: tuple[str, ...]
    go_sums: str
    go_without_sums: str
    reachable: tuple[str, ...]
    left_out: tuple[str, ...]
    ca: Path


def find(folder: Path, *, extra_ca: Path | None) -> Indexes:
    """Ask pip, npm and go; write one CA file for all installers into `folder`."""
    default, storage, config = _pip()
    first = _first(os.environ.get("UV_DEFAULT_INDEX"), os.environ.get("UV_INDEX_URL"))
    python = first or _setting(config, "index-url") or default
    named = (_setting(config, "extra-index-url") or "").split()
    named += (os.environ.get("UV_EXTRA_INDEX_URL") or "").split()
    left_out = [url for url in named if not url.startswith(("http://", "https://"))]
    extra = [url for url in named if url not in left_out]
    node = _npm("registry")
    go = _go()
    proxies = [one for one in re.split(r"[,|]", go["GOPROXY"]) if one.startswith("http")]
    left_out += [one for one in re.split(r"[,|]", go["GOPROXY"]) if one.startswith("file:")]
    sums = go["GOSUMDB"]
    asked = [
        *proxies,
        *([] if sums in ("", "off") else [f"https://{sums.split()[0].split('+')[0]}"]),
    ]
    reachable = [place for url in (python, *extra, node, *asked) if url and (place := _place(url))]
    if storage and python == default:
        reachable.append(f"{storage}:443")
    authorities = [_setting(config, "cert"), _npm("cafile")]
    authorities += [os.environ.get(name) for name in _CA_VARIABLES]
    ca = _write_ca(folder / "ca.pem", [*authorities, str(extra_ca) if extra_ca else None])
    return Indexes(
        python,
        tuple(extra),
        node,
        tuple(proxies),
        sums,
        go["GONOSUMDB"],
        tuple(dict.fromkeys(reachable)),
        tuple(left_out),
        ca,
    )


def _pip() -> tuple[str | None, str | None, dict[str, object]]:
    answer = _ask([sys.executable, "-I", "-c", _ASK_PIP])
    if not answer:
        return None, None, {}
    default, storage, config = json.loads(answer)
    return default, storage, config


def _setting(config: dict[str, object], name: str) -> str | None:
    """pip's own order: variables over the user's file over the machine's; newer pip nests by file."""
    flat: dict[str, str] = {}
    for key, value in config.items():
        pairs = value.items() if isinstance(value, dict) else [(key, value)]
        flat |= {str(inner): str(found) for inner, found in pairs}
    for section in (":env:", "install", "global"):
        if found := flat.get(f"{section}.{name}"):
            return found
    return None


def _npm(name: str) -> str | None:
    answer = _ask(["npm", "config", "get", name])
    return None if answer in ("", "undefined", "null") else answer


def _go() -> dict[str, str]:
    """What `go` on this machine uses; nothing where there is none."""
    names = ("GOPROXY", "GOSUMDB", "GONOSUMDB")
    try:
        program = toolchain.find(Path("/"), None, os.environ.get("PATH", ""))
    except NotInstalled:
        return dict.fromkeys(names, "")
    answer = _ask([str(program), "env", "-json", *names])
    return dict.fromkeys(names, "") | (json.loads(answer) if answer else {})


def _ask(argv: list[str]) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_ASK_S, cwd="/")
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _place(url: str) -> str | None:
    parts = urlsplit(url)
    if parts.hostname is None:
        return None
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def _first(*values: str | None) -> str | None:
    return next((value for value in values if value), None)


def _write_ca(path: Path, sources: list[str | None]) -> Path:
    """This machine's authorities and every other that an installer here trusts, in one file."""
    system = ssl.get_default_verify_paths().cafile
    texts: dict[str, None] = {}
    for source in dict.fromkeys([system, "/etc/ssl/certs/ca-certificates.crt", *sources]):
        if source and Path(source).is_file():
            texts[Path(source).read_text(errors="replace").strip()] = None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*texts, ""]))
    return path
