"""wistro.yml or wistro.json: read, checked, with the line of everything. Absent is fine: the defaults hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from wistro.auth import policy
from wistro.compiler import problems, values
from wistro.errors import NotYet, UserError
from wistro.lock import strict_yaml
from wistro.lock.model import Retries, Variable
from wistro.protocol import variables
from wistro.schemas import Schema, normalise

NAMES = ("wistro.yml", "wistro.json")
MAX_BYTES = 256 * 1024
AS_ENV = "Write it as `env: [STRIPE_KEY, {name: CURRENCY, default: EUR}]`."
_EGRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?):(\d{1,5})")
_PROJECT = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,17}[a-z0-9])?")


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

    @property
    def id(self) -> str:
        return f"cron:{self.key}"


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
    egress: list[str] = field(default_factory=list)
    env: list[Variable] = field(default_factory=list)
    runtimes: dict[str, str] = field(default_factory=dict)
    timeout: str = "30s"
    retries: Retries = field(default_factory=Retries)
    public: bool = False
    public_where: str = ""


def read_settings(root: Path) -> tuple[Settings, list[UserError]]:
    """The settings and everything that is wrong with them."""
    present = [name for name in NAMES if (root / name).is_file()]
    if not present:
        return Settings(), []
    if len(present) == 2:
        return Settings(), [
            problems.BadConfig(
                "there are both wistro.yml and wistro.json", hint="Keep one.", where="wistro.json:1"
            )
        ]
    return parse((root / present[0]).read_bytes(), name=present[0])


def parse(data: bytes, *, name: str = "wistro.yml") -> tuple[Settings, list[UserError]]:
    try:
        document = strict_yaml.read(data, name=name, max_bytes=MAX_BYTES, with_lines=True)
    except UserError as error:
        return Settings(file=name), [error]
    reader = _Reader(name, document)
    reader.read()
    return reader.settings, reader.wrong


class _Reader:
    def __init__(self, name: str, document: strict_yaml.Document) -> None:
        self._name = name
        self._lines = document.lines
        self._value = document.value
        self.settings = Settings(file=name)
        self.wrong: list[UserError] = []

    def read(self) -> None:
        if self._value is None:
            return
        if not isinstance(self._value, dict):
            self.wrong.append(
                problems.BadConfig(f"{self._name} is a mapping of keys", where=f"{self._name}:1")
            )
            return
        known = {key.removeprefix("_read_") for key in dir(self) if key.startswith("_read_")}
        self._keys(self._value, (), known=known, of=self._name, above=_empty_above(self._value))
        for key, value in self._value.items():
            if key in known and value is not None:
                self._try(getattr(self, f"_read_{key}"), value)

    def _try(self, read: Callable[..., None], *arguments: Any) -> None:
        try:
            read(*arguments)
        except UserError as error:
            self.wrong.append(error)

    def _where(self, *path: str | int) -> str:
        while path not in self._lines and path:
            path = path[:-1]
        return f"{self._name}:{self._lines.get(path, 1)}"

    def _keys(
        self,
        value: dict[str, Any],
        at: tuple[str | int, ...],
        *,
        known: set[str],
        of: str,
        above: Mapping[str, str] | None = None,
    ) -> None:
        where = {key: self._where(*at, key) for key in value}
        self.wrong += problems.check_keys(
            value,
            known=known,
            not_yet=set(values.NEVER_BUILT),
            of=of,
            where=where,
            above=above or {},
        )

    def _map(self, value: Any, *at: str | int) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise problems.BadConfig(
                f"`{'.'.join(map(str, at))}` is a mapping, not {values.shown(value)}",
                where=self._where(*at),
            )
        return value

    def _list(self, value: Any, *at: str | int, hint: str | None = None) -> list[Any]:
        if not isinstance(value, list):
            raise problems.BadConfig(
                f"`{'.'.join(map(str, at))}` is a list, not {values.shown(value)}",
                hint=hint,
                where=self._where(*at),
            )
        return value

    def _read_name(self, value: Any) -> None:
        if not isinstance(value, str) or not _PROJECT.fullmatch(value) or "--" in value:
            raise problems.BadConfig(
                f"`name` {values.shown(value)} is not a project's name",
                hint="At most 19 of a-z, 0-9 and single hyphens: it becomes part of an address.",
                where=self._where("name"),
            )
        self.settings.name = value

    def _read_src(self, value: Any) -> None:
        folders = value if isinstance(value, list) else [value]
        for folder in folders:
            parts = folder.split("/") if isinstance(folder, str) else [""]
            if any(part in ("", ".", "..") or part.startswith(".") for part in parts):
                raise problems.BadConfig(
                    f"`src` {values.shown(folder)} is not a folder of the project",
                    hint="Write it relative to the project: src, or packages/orders/src.",
                    where=self._where("src"),
                )
        self.settings.src = folders

    def _read_flows(self, value: Any) -> None:
        for id, given in self._map(value, "flows").items():
            flow = {} if given is None else self._map(given, "flows", id)
            self._keys(flow, ("flows", id), known={"name", "description"}, of=f"flow `{id}`")
            where = self._where("flows", id)
            values.text(id, "flows", where)
            name = values.text(flow.get("name", id), "name", self._where("flows", id, "name"))
            description = flow.get("description")
            if description is not None:
                description = values.prose(description, "description", where)
            self.settings.flows[id] = (name, description)
            self.settings.flow_where[id] = where

    def _read_topics(self, value: Any) -> None:
        for name, given in self._map(value, "topics").items():
            self._try(self._topic, name, given)

    def _topic(self, name: str, given: Any) -> None:
        where = self._where("topics", name)
        values.topic(name, "topics", where)
        topic = self._map(given, "topics", name)
        if "from" in topic:
            raise NotYet(
                f"topic `{name}`: outside topics (`from`) are not built yet",
                where=self._where("topics", name, "from"),
            )
        self._keys(topic, ("topics", name), known={"schema"}, of=f"topic `{name}`")
        if "schema" in topic:
            at = self._where("topics", name, "schema")
            self.settings.topics[name] = schema(topic["schema"], "schema", at)
        self.settings.topic_where[name] = where

    def _read_api(self, value: Any) -> None:
        for index, given in enumerate(self._list(value, "api")):
            self._try(self._api, index, given)

    def _api(self, index: int, given: Any) -> None:
        entry = self._map(given, "api", index)
        where = self._where("api", index)
        known = {"path", "method", "emits", "flows", "auth", "public"}
        self._keys(entry, ("api", index), known=known, of="an `api` entry")
        auth = endpoint_auth(
            entry,
            public_by_default=self._public_by_default,
            of=f"the `api` entry {entry.get('path', '')}".rstrip(),
            where=self._where("api", index, "auth"),
        )
        found = ApiEntry(
            values.method(entry.get("method", "POST"), self._where("api", index, "method")),
            values.path(entry.get("path"), self._where("api", index, "path")),
            values.topic(entry.get("emits"), "emits", self._where("api", index, "emits")),
            values.texts(entry.get("flows", []), "flows", self._where("api", index, "flows")),
            auth,
            where,
        )
        self.settings.api.append(found)

    @property
    def _public_by_default(self) -> bool:
        defaults = self._value.get("defaults")
        return isinstance(defaults, dict) and defaults.get("public") is True

    def _read_cron(self, value: Any) -> None:
        for key, given in self._map(value, "cron").items():
            self._try(self._cron, key, given)

    def _cron(self, key: str, given: Any) -> None:
        where = self._where("cron", key)
        values.text(key, "cron", where)
        entry = self._map(given, "cron", key)
        known = {"schedule", "timezone", "emits", "flows", "catchUp"}
        self._keys(entry, ("cron", key), known=known, of=f"cron entry `{key}`")
        values.catch_up(entry.get("catchUp", "skip"), self._where("cron", key, "catchUp"))
        schedule, timezone = values.cron(
            entry.get("schedule"),
            entry.get("timezone", "UTC"),
            self._where("cron", key, "schedule"),
        )
        emits = values.topic(entry.get("emits"), "emits", self._where("cron", key, "emits"))
        flows = values.texts(entry.get("flows", []), "flows", self._where("cron", key, "flows"))
        self.settings.cron.append(CronEntry(key, schedule, timezone, emits, flows, where))

    def _read_state(self, value: Any) -> None:
        state = self._map(value, "state")
        self._keys(state, ("state",), known={"adapter"}, of="`state`")
        adapter = state.get("adapter", "store")
        where = self._where("state", "adapter")
        if adapter in ("files", "redis"):
            raise NotYet(f"state adapter `{adapter}` is not built yet; `store` is", where=where)
        if adapter != "store":
            raise problems.BadConfig(
                f"state adapter {values.shown(adapter)} is not known",
                hint="`store` keeps state in the environment's store.",
                where=where,
            )

    def _read_egress(self, value: Any) -> None:
        for index, one in enumerate(self._list(value, "egress")):
            match = _EGRESS.fullmatch(one) if isinstance(one, str) else None
            if match is None or not 1 <= int(match[2]) <= 65535:
                self.wrong.append(
                    problems.BadConfig(
                        f"`egress` {values.shown(one)} is not host:port",
                        hint="As in db.example.com:5432; HTTP and HTTPS need no entry.",
                        where=self._where("egress", index),
                    )
                )
            else:
                self.settings.egress.append(one)
        self.settings.egress = sorted(set(self.settings.egress))

    def _read_env(self, value: Any) -> None:
        for index, one in enumerate(self._list(value, "env", hint=AS_ENV)):
            self._try(self._variable, index, one)
        self.settings.env.sort(key=lambda one: one.name)

    def _variable(self, index: int, given: Any) -> None:
        where = self._where("env", index)
        entry = given if isinstance(given, dict) else {"name": given}
        self._keys(entry, ("env", index), known={"name", "default"}, of="a variable")
        name, default = entry.get("name"), entry.get("default")
        if not isinstance(name, str) or not variables.is_name(name):
            raise problems.BadConfig(
                f"{values.shown(name)} is not a variable's name",
                hint="Capital letters, digits and underscores: STOCK_SECRET.",
                where=where,
            )
        if variables.is_reserved(name):
            raise problems.BadConfig(
                f"`{name}` is set by wistro or the system", hint="Choose another.", where=where
            )
        if any(one.name == name for one in self.settings.env):
            raise problems.BadConfig(f"`env` names `{name}` twice", where=where)
        if default is not None and not isinstance(default, str):
            raise problems.BadConfig(
                f"the default of `{name}` is a text, not {values.shown(default)}",
                hint="Variables are text: put it in quotes.",
                where=where,
            )
        self.settings.env.append(Variable(name, default))

    def _read_runtimes(self, value: Any) -> None:
        runtimes = self._map(value, "runtimes")
        self._keys(runtimes, ("runtimes",), known={"python", "node"}, of="`runtimes`")
        for language, version in sorted(runtimes.items()):
            where = self._where("runtimes", language)
            if isinstance(version, float | int) and not isinstance(version, bool):
                raise problems.BadConfig(
                    f"`runtimes.{language}` is a text",
                    hint=f'Put it in quotes: "{version}" (3.10 would be read as 3.1).',
                    where=where,
                )
            if not isinstance(version, str) or not re.fullmatch(r"\d+(\.\d+){0,2}", version):
                raise problems.BadConfig(
                    f"`runtimes.{language}` is a version, not {values.shown(version)}",
                    hint='As in "3.12" or "20".',
                    where=where,
                )
            if language in ("python", "node"):
                self.settings.runtimes[language] = version

    def _read_defaults(self, value: Any) -> None:
        defaults = self._map(value, "defaults")
        known = {"timeout", "retries", "public"}
        self._keys(defaults, ("defaults",), known=known, of="`defaults`")
        if "timeout" in defaults:
            where = self._where("defaults", "timeout")
            self.settings.timeout = values.duration(
                defaults["timeout"], "timeout", where, least_s=0.001
            )
        if "retries" in defaults:
            where = self._where("defaults", "retries")
            self.settings.retries = values.retries(defaults["retries"], where, base=Retries())
        if "public" in defaults:
            where = self._where("defaults", "public")
            self.settings.public = values.flag(defaults["public"], "public", where)
            self.settings.public_where = where


def _empty_above(value: dict[str, Any]) -> dict[str, str]:
    """For each key the nearest one above it, if that holds nothing: where it would be, were it indented."""
    return {below: key for key, below in pairwise(value) if value[key] is None}


def schema(value: Any, key: str, where: str) -> Schema:
    """`value` in normal form; a schema that is unusable is a problem at `where`."""
    try:
        return normalise(value)
    except UserError as error:
        raise type(error)(f"`{key}`: {error.message}", hint=error.hint, where=where) from error


def endpoint_auth(
    config: dict[str, Any], *, public_by_default: bool, of: str, where: str
) -> list[dict[str, Any]]:
    """Who may call an endpoint, in canonical form; empty means everybody."""
    auth, public = config.get("auth"), config.get("public")
    if public is not None and not isinstance(public, bool):
        raise problems.BadConfig(
            f"`public` is true or false, not {values.shown(public)}", where=where
        )
    if auth is not None and public:
        raise problems.BadConfig(
            f"{of} has both `auth` and `public: true`", hint="Keep one of them.", where=where
        )
    if auth is not None:
        return policy.check(auth, where=where)
    if public or (public is None and public_by_default):
        return []
    raise problems.OpenEndpoint(f"{of} says neither `auth` nor `public: true`", where=where)
