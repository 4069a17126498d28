"""What a project is and runs on: its name, folders, variables, runtimes, state, egress, defaults."""

from __future__ import annotations

import re
from typing import Any

from wistro.compiler import limits, problems, values
from wistro.compiler.settings.lines import Lines
from wistro.languages import LANGUAGES
from wistro.lock.model import LockedState, Retries, Variable
from wistro.protocol import variables

AS_ENV = "Write it as `env: [STRIPE_KEY, {name: CURRENCY, default: EUR}]`."
_EGRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?):(\d{1,5})")
_VARIABLE = re.compile(r"\$[A-Z][A-Z0-9_]*")
_REDIS = re.compile(r"rediss?://[^@\s/?#]+(/\d+)?")
_PREFIX = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.:-]{0,62}[A-Za-z0-9])?")
_PROJECT = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,17}[a-z0-9])?")


class Surroundings(Lines):
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

    def _read_state(self, value: Any) -> None:
        state = self._map(value, "state")
        adapter, where = state.get("adapter", "store"), self._where("state", "adapter")
        known = {"adapter", "url", "prefix"} if adapter == "redis" else {"adapter"}
        self._keys(state, ("state",), known=known, of="`state`")
        if adapter not in ("store", "files", "redis"):
            raise problems.BadConfig(
                f"state adapter {values.shown(adapter)} is not known",
                hint="`store` keeps state in the environment's store; there are `files` and `redis` too.",
                where=where,
            )
        if adapter == "store":
            return
        self.settings.state = LockedState(adapter)
        self.settings.state_where = where
        if adapter == "redis":
            self._redis(state)

    def _redis(self, state: dict[str, Any]) -> None:
        url, where = state.get("url"), self._where("state", "url")
        if not isinstance(url, str) or not (_VARIABLE.fullmatch(url) or _REDIS.fullmatch(url)):
            raise problems.BadConfig(
                f"`state.url` {values.shown(url)} names no Redis",
                hint="Write a variable that holds its address: $REDIS_URL; or one without a password: redis://host:6379/0.",
                where=where,
            )
        prefix = state.get("prefix", self._value.get("name") or "wistro")
        at = self._where("state", "prefix")
        if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
            raise problems.BadConfig(
                f"`state.prefix` {values.shown(prefix)} cannot begin a key",
                hint="At most 64 letters, digits, and any of - _ . : between them.",
                where=at,
            )
        self.settings.state = LockedState("redis", url, prefix)

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
        self._keys(runtimes, ("runtimes",), known=set(LANGUAGES), of="`runtimes`")
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
            if language in LANGUAGES:
                self.settings.runtimes[language] = version

    def _read_defaults(self, value: Any) -> None:
        defaults = self._map(value, "defaults")
        known = {"timeout", "retries", "public", *limits.READERS}
        self._keys(defaults, ("defaults",), known=known, of="`defaults`")
        if "timeout" in defaults:
            where = self._where("defaults", "timeout")
            self.settings.timeout = values.duration(
                defaults["timeout"], "timeout", where, least_s=0.001
            )
        if "retries" in defaults:
            where = self._where("defaults", "retries")
            self.settings.retries = values.retries(defaults["retries"], where, base=Retries())
        for key, (name, read) in limits.READERS.items():
            if defaults.get(key) is not None:
                found = read(defaults[key], self._where("defaults", key))
                setattr(self.settings.limits, name, found)
        if "public" in defaults:
            where = self._where("defaults", "public")
            self.settings.public = values.flag(defaults["public"], "public", where)
            self.settings.public_where = where
