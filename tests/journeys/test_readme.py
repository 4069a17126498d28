"""The README, followed from a clean clone to its end: what it says to type is typed, what it shows is printed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext

from infra.place import CHECKOUT
from infra.ports import free_ports
from tests.journeys.follower import Follower
from tests.journeys.readme import Typed, read

README = CHECKOUT / "README.md"
KEPT_FROM_IT = (
    "WISTRO_",
    "DATABASE_",
    "REDIS_",
    "DJANGO_",
    "PYTHON",
    "XDG_",
    "VIRTUAL_ENV",
    "PYTEST",
)
OF_A_PERSON = (".npmrc", ".npm", ".cache", ".config/pip", ".config/uv", ".pyenv", ".gitconfig")
NO_BROWSER = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


@pytest.fixture
async def follower(tmp_path: Path, context: BrowserContext) -> AsyncIterator[Follower]:
    """A clean clone of what is committed here, on ports of its own, and a home without a trace of wistro."""
    clone, home = tmp_path / "wistro", tmp_path / "home"
    make_clone(clone)
    make_home(home)
    hub, machines, gateway, valkey, endpoints, screens = free_ports(6)
    ports = {"HUB": hub, "MACHINES": machines, "GATEWAY": gateway, "VALKEY": valkey}
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(KEPT_FROM_IT) and name not in NO_BROWSER
    }
    env = {
        **kept,
        **{f"WISTRO_PORT_{name}": str(port) for name, port in ports.items()},
        "HOME": str(home),
        "PWD": str(clone),
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",  # talk and data in the order in which a terminal shows them
    }
    instead = {
        "localhost:8000": f"localhost:{hub}",
        ".localhost:8080": f".localhost:{gateway}",
        "localhost:3000": f"localhost:{endpoints}",
        "127.0.0.1:3000": f"127.0.0.1:{endpoints}",
        "127.0.0.1:3001": f"127.0.0.1:{screens}",
        "wistro dev": f"wistro dev --port {endpoints} --ui-port {screens}",
    }
    page = await context.new_page()
    page.set_default_timeout(30_000)
    person = Follower(tmp_path, env, page, instead)
    yield person
    await person.ends_all()


def make_clone(clone: Path) -> None:
    subprocess.run(["git", "clone", "--quiet", str(CHECKOUT), str(clone)], check=True)
    share_what_npm_made(clone)


def share_what_npm_made(clone: Path) -> None:
    """Node packages and built screens are this checkout's, as links: they are of the same lock and sources.

    Each carries the stamp of what it was made from, so that `make up` makes it anew where that differs. All else, Python's
    packages and `wistro` itself included, is set up by the clone. WISTRO_README_CLEAN=1 shares nothing.
    """
    if os.environ.get("WISTRO_README_CLEAN"):
        return
    made = ("node_modules", "frontend/node_modules", "frontend/hub/dist", "wistro/dev/static")
    for name in made:
        if (CHECKOUT / name).exists():
            shutil.copytree(CHECKOUT / name, clone / name, symlinks=True, copy_function=os.link)
    if (stamp := CHECKOUT / ".data" / "screens.stamp").exists():
        (clone / ".data").mkdir(mode=0o700)
        shutil.copyfile(stamp, clone / ".data" / "screens.stamp")


def make_home(home: Path) -> None:
    """Caches and the package tools' settings are the machine's; all that wistro keeps is new."""
    (home / ".config").mkdir(parents=True)
    for name in OF_A_PERSON:
        if (own := Path.home() / name).exists():
            (home / name).symlink_to(own)


@pytest.mark.timeout(900)
async def test_the_readme_can_be_followed_to_its_end(follower: Follower) -> None:
    steps = list(read(README.read_text(encoding="utf-8")))
    assert len([one for one in steps if isinstance(one, Typed)]) > 20

    for one in steps:
        await follower.does(one)

    await follower.stops()
    assert "the data stays in .data" in follower.going_on["make up"].printed


def test_a_wrong_line_is_noticed() -> None:
    typed = Typed("wistro deploy", ("…", "✓ Healthy   version 2 in dev, 100 % of traffic"))

    assert typed.missing_from("✓ Healthy   version 1 in dev, 100 % of traffic\n")
    assert not typed.missing_from("✓ Compiled\n✓ Healthy version 2 in dev, 100 % of traffic\n")


def test_what_differs_each_time_is_neutral() -> None:
    typed = Typed("make up", ("  ✓ Demo project  shop  18.5 s", '{"id":"run_01m86"}'))

    assert not typed.missing_from('✓ Demo project shop 2.0 s\n{"id":"run_99"}\n')
    assert typed.missing_from('{"id":"run_99"}\n✓ Demo project shop 2.0 s\n')
