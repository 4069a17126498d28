"""The demo that `make up` shows: a user from `manage.py make_demo`, a project of examples/ deployed for them.

`make_demo` prints one JSON line: email, password, token (a CLI token), project (`<org>/<project>`) and address.
It may be run again at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

from infra.processes import BY_NAME, environment
from infra.settings import settings_of
from infra.supervisor import Supervisor
from infra.terminal import Terminal

EXAMPLE = "shop"
DEPLOY_S = 180


@dataclass(frozen=True)
class Demo:
    """Who signs in, and where the demo project answers."""

    email: str
    password: str
    token: str = ""
    project: str = ""
    address: str = ""


async def deploy(running: Supervisor, terminal: Terminal) -> Demo | None:
    """Make the demo user, and deploy the example when it changed; a demo that fails stops nothing."""
    if not any(running.place.root.glob("hub/*/management/commands/make_demo.py")):
        terminal.warn("demo", "left out: `manage.py make_demo` is not in this checkout yet")
        return None
    with terminal.step("Demo user"):
        made = await _make_user(running)
    if made is None:
        terminal.warn("demo", f"not made: {running.why('demo')}")
        return None
    example = running.place.root / "examples" / EXAMPLE
    if not example.is_dir() or not made.token:
        terminal.warn("demo", f"not deployed: no examples/{EXAMPLE} or no token for it")
        return replace(made, address="")
    stamp = running.place.data / "demo.stamp"
    digest = digest_of(example)
    if stamp.exists() and stamp.read_text() == digest:
        return made
    with terminal.step("Demo project") as step:
        if await _deploy(running, example, made):
            stamp.write_text(digest)
            step.note = f"examples/{EXAMPLE} -> {made.project or 'demo'}"
        else:
            step.note = f"not deployed: {running.why('demo')}"
            return replace(made, address="")
    return made


async def _make_user(running: Supervisor) -> Demo | None:
    place = running.place
    env = environment(BY_NAME["migrate"], place)
    code = await running.run(
        [place.python, "manage.py", "make_demo"], log="demo", env=env, timeout_s=60
    )
    try:
        said = json.loads(running.said("demo").strip().splitlines()[-1]) if code == 0 else None
    except (ValueError, IndexError):
        return None
    names = Demo.__dataclass_fields__
    return Demo(**{name: said[name] for name in names if name in said}) if said else None


async def _deploy(running: Supervisor, example: Path, made: Demo) -> bool:
    place = running.place
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WISTRO_", "PYTHON"))
    }
    env = {
        **kept,
        "WISTRO_HUB_URL": settings_of(place)["WISTRO_HUB_URL"],
        "WISTRO_TOKEN": made.token,
    }
    argv = [place.python, "-m", "wistro.cli", "deploy", "--project", made.project, "--to", "dev"]
    code = await running.run(argv, log="demo", env=env, timeout_s=DEPLOY_S, cwd=example)
    return code == 0


def digest_of(folder: Path) -> str:
    """Changes with any of its own files; what a tool made in it does not count."""
    made = {"node_modules", ".wistro", "__pycache__", ".venv"}
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not made & set(path.relative_to(folder).parts):
            digest.update(
                str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0"
            )
    return digest.hexdigest()
