"""What a project's wistro.yml says, over its defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wistro.compiler.limits import Limits
from wistro.lock.model import LockedState, Retries, Variable
from wistro.schemas import Schema


@dataclass
class ApiEntry:
    """An endpoint of wistro.yml, which emits its body."""

    method: str
    path: str
    emits: str
    flows: list[str]
    auth: list[dict[str, Any]]
    where: str

    @property
    def id(self) -> str:
        return f"api:{self.method} {self.path}"


@dataclass
class CronEntry:
    """A schedule of wistro.yml, which emits {"scheduled_at": …}."""

    key: str
    schedule: str
    timezone: str
    emits: str
    flows: list[str]
    where: str
    catch_up: str = "skip"

    @property
    def id(self) -> str:
        return f"cron:{self.key}"


@dataclass
class OutsideEntry:
    """A topic of wistro.yml that events arrive on from outside."""

    topic: str
    flows: list[str]
    where: str

    @property
    def id(self) -> str:
        return f"outside:{self.topic}"


@dataclass
class Settings:
    """What the project's file says, over its defaults."""

    file: str | None = None
    name: str | None = None
    src: list[str] = field(default_factory=lambda: ["src", "steps"])
    flows: dict[str, tuple[str, str | None]] = field(
        default_factory=dict
    )  # id -> name, description
    topics: dict[str, Schema] = field(default_factory=dict)
    topic_where: dict[str, str] = field(default_factory=dict)
    flow_where: dict[str, str] = field(default_factory=dict)
    api: list[ApiEntry] = field(default_factory=list)
    cron: list[CronEntry] = field(default_factory=list)
    outside: list[OutsideEntry] = field(default_factory=list)
    egress: list[str] = field(default_factory=list)
    env: list[Variable] = field(default_factory=list)
    runtimes: dict[str, str] = field(default_factory=dict)
    timeout: str = "30s"
    retries: Retries = field(default_factory=Retries)
    limits: Limits = field(default_factory=Limits)
    state: LockedState | None = None
    state_where: str = ""
    public: bool = False
    public_where: str = ""
    meets: bool = True  # what it emits and describes could be read
