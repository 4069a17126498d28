"""What the Hub answers, as far as commands read it; unknown keys are let through."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

Item = TypeVar("Item")


class Page(msgspec.Struct, Generic[Item]):
    items: list[Item]
    next: str | None = None


class User(msgspec.Struct):
    id: str
    email: str
    name: str = ""


class Organization(msgspec.Struct):
    slug: str
    name: str
    role: str = ""


class Token(msgspec.Struct):
    id: str
    scopes: list[str] = []
    expires_at: str | None = None


class Me(msgspec.Struct):
    user: User
    organizations: list[Organization]
    token: Token | None = None


class Serving(msgspec.Struct):
    version: int
    weight: int
    state: str = ""


class Environment(msgspec.Struct):
    id: str
    name: str
    address: str
    holds: bool = False
    generation: int = 0
    serving: list[Serving] = []


class OrganizationLabel(msgspec.Struct):
    slug: str
    name: str = ""


class Project(msgspec.Struct):
    id: str
    slug: str
    name: str
    organization: OrganizationLabel
    environments: list[Environment] = []

    @property
    def label(self) -> str:
        return f"{self.organization.slug}/{self.slug}"


class Commit(msgspec.Struct):
    sha: str
    message: str = ""
    author: str = ""
    branch: str | None = None


class Problem(msgspec.Struct):
    code: str
    message: str
    hint: str | None = None
    where: str | None = None


class Deployment(msgspec.Struct):
    id: str
    environment: str
    state: str
    weight: int = 0
    error: str | None = None


class Version(msgspec.Struct):
    id: str
    number: int
    state: str
    source: str
    created_at: str
    commit: Commit | None = None
    created_by: str | None = None
    problems: list[Problem] = []
    ready_at: str | None = None
    durations: dict[str, float] = {}
    deployments: list[Deployment] = []
    lock_changes: list[str] = []
    lock_digest: str | None = None


class BuildLine(msgspec.Struct):
    seq: int
    at: str
    stage: str
    text: str


class BuildLines(msgspec.Struct):
    lines: list[BuildLine]
    cursor: str | None
    done: bool


class Missing(msgspec.Struct):
    missing: list[str]


class TrafficDeployment(msgspec.Struct):
    id: str
    version: int
    state: str
    weight: int
    live_runs: int = 0
    tag_address: str | None = None
    error: str | None = None


class Gateways(msgspec.Struct):
    applied: int
    total: int
    after_s: float | None = None


class Change(msgspec.Struct):
    """`weights` go by version's number."""

    generation: int
    at: str
    weights: dict[str, int]
    why: str | None = None
    by: str | None = None
    note: str | None = None


class Share(msgspec.Struct):
    calls: int
    share: float = 0.0


class Traffic(msgspec.Struct):
    generation: int
    holds: bool
    deployments: list[TrafficDeployment]
    gateways: Gateways
    address: str
    history: list[Change] = []
    draws: dict[str, Share] = {}


class Variable(msgspec.Struct):
    name: str
    secret: bool
    set_at: str
    set_by: str | None = None
    revision: int = 0


class Dataset(msgspec.Struct):
    id: str
    name: str
    samples: int = 0
    description: str | None = None
    created_at: str = ""
