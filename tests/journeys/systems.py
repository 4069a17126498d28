"""A whole system for a journey: `make up`'s processes in a place of their own, beside a double of GitHub."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.place import Place, Ports
from infra.ports import free_ports
from infra.settings import settings_of
from infra.supervisor import Supervisor
from infra.up import system
from tests.doubles.github import GitHub

# What may differ from make up's, besides ports, folders and keys, which differ between any two places.
DIFFERS = (
    "WISTRO_GITHUB_URL",
    "WISTRO_GITHUB_API_URL",
    "WISTRO_TRUSTED_NETWORKS",
    "WISTRO_EXTRA_CA",
)


@dataclass(frozen=True)
class Whole:
    """A running system and the addresses that people use."""

    running: Supervisor
    place: Place
    github: GitHub

    @property
    def hub(self) -> str:
        return settings_of(self.place)["WISTRO_HUB_URL"]


def a_place(folder: Path, github: GitHub) -> Place:
    """Where the journeys run: make up's settings, but for those in DIFFERS. PostgreSQL fsyncs, as there."""
    values = (github.url, github.api_url, "127.0.0.0/8", str(github.ca))
    return Place(
        data=folder / ".data",
        ports=Ports(*free_ports(len(Ports.names()))),
        overrides=dict(zip(DIFFERS, values, strict=True)),
    )


@asynccontextmanager
async def whole_system(folder: Path) -> AsyncIterator[Whole]:
    """Everything running; ended, with all that it started, on leaving."""
    with GitHub.start(folder / "github") as github:
        place = a_place(folder, github)
        async with system(place) as running:
            yield Whole(running, place, github)
