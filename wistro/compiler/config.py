"""One step's described `config`, checked key by key, into what the lock says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from wistro.compiler import limits, motia_limits, problems, values
from wistro.compiler.find import StepFile
from wistro.compiler.locate import Source
from wistro.compiler.settings import Settings, endpoint_auth, schema
from wistro.compiler.tasks import read_task, topics_of
from wistro.errors import UserError
from wistro.lock.model import Retries, StepConfig
from wistro.schemas import Schema

_ALL = {"type", "name", "description", "flows", "virtualSubscribes", "virtualEmits"}
_RUNS = _ALL | {"emits", "timeout", "infrastructure", "includeFiles"}
KEYS = {
    "api": _RUNS
    | {
        "method",
        "path",
        "auth",
        "public",
        "bodySchema",
        "responseSchema",
        "queryParams",
        "middleware",
    },
    "event": _RUNS | {"subscribes", "input", "retries", *limits.READERS},
    "cron": _RUNS | {"cron", "timezone", "catchUp", "retries", "concurrency", "rateLimit"},
    "noop": _ALL | {"subscribes", "input", "task"},
}
LIMITS = {"event": tuple(limits.READERS), "cron": ("concurrency", "rateLimit")}


@dataclass
class Candidate:
    """A step whose config could be read; its schemas are whole and normalised."""

    step: StepFile
    source: Source
    config: StepConfig
    files: list[str]
    input: Schema | None = None
    responses: dict[str, Schema] = field(default_factory=dict)
    emits: dict[str, Schema] = field(default_factory=dict)
    meets: bool = True  # what it hears, emits and belongs to could be read
    forms: dict[str, Schema] = field(default_factory=dict)  # a task's, by answer
    warnings: list[UserError] = field(default_factory=list)


def read_config(
    step: StepFile,
    described: dict[str, Any],
    *,
    source: Source,
    settings: Settings,
) -> tuple[Candidate | None, list[UserError]]:
    """The step, or None with what is wrong when not even its type is known; problems are gathered either way."""
    reader = _Reader(step, described["config"], source, settings)
    candidate = reader.read()
    if candidate is not None:
        candidate.files = described["files"]
        reader.check_handler(described["handler"])
    return candidate, reader.wrong


class _Reader:
    def __init__(
        self, step: StepFile, config: dict[str, Any], source: Source, settings: Settings
    ) -> None:
        self._step = step
        self._given = {key: value for key, value in config.items() if value is not None}
        self._source = source
        self._settings = settings
        self.wrong: list[UserError] = []
        self._is_unsure = False  # of what it hears, emits and belongs to

    def read(self) -> Candidate | None:
        kind = self._given.get("type")
        if kind not in KEYS:
            hint = problems.did_you_mean(str(kind), KEYS) or "One of api, event, cron, noop."
            self.wrong.append(
                problems.BadConfig(
                    f"`{self._step.file}`: `type` is {values.shown(kind)}",
                    hint=hint,
                    where=self._where("type"),
                )
            )
            return None
        self._check_keys(kind)
        config = StepConfig(type=kind, name="", timeout=self._settings.timeout)
        config.retries = Retries(
            **{key: getattr(self._settings.retries, key) for key in Retries.__struct_fields__}
        )
        candidate = Candidate(self._step, self._source, config, [])
        limited = (self._infrastructure, self._timeout, self._retries, self._included)
        for read in (
            *(self._name, self._description, self._flows, self._virtuals),
            *{
                "api": (
                    self._auth,
                    self._path,
                    self._method,
                    self._body,
                    self._query,
                    self._middleware,
                    self._responses,
                ),
                "event": (self._subscribes, self._input),
                "cron": (self._schedule,),
                "noop": (self._task,),
            }[kind],
            *(() if kind == "noop" else (self._emits, *limited)),
            *((self._flow,) if kind in ("event", "cron") else ()),
        ):
            self._try(read, candidate)
        candidate.meets = not self._is_unsure
        if kind in ("api", "noop"):
            config.retries = Retries()  # an endpoint's attempt is not retried by us
        if kind == "noop":
            config.timeout = "30s"
        return candidate

    def check_handler(self, handler: str) -> None:
        if self._given["type"] == "noop":
            return
        if handler == "missing":
            self.wrong.append(
                problems.NoHandler(
                    f"`{self._step.file}` has no `handler`", where=self._source.where()
                )
            )
        elif handler != "callable":
            self.wrong.append(
                problems.NoHandler(
                    f"`{self._step.file}`: `handler` is a {handler}, not a function",
                    where=self._source.where(),
                )
            )

    def _check_keys(self, kind: str) -> None:
        not_yet = set(values.NEVER_BUILT)
        known = KEYS[kind]
        where = {key: self._where(key) for key in self._given if key not in known}
        elsewhere = {
            key: f"`{key}` is of {' and '.join(kinds)} steps"
            for key in where
            if (kinds := [other for other, keys in KEYS.items() if key in keys])
        }
        unknown = problems.check_keys(
            self._given,
            known=known,
            not_yet=not_yet,
            of=f"{kind} step",
            where=where,
            elsewhere=elsewhere,
        )
        self.wrong += unknown
        self._is_unsure |= bool(unknown)  # `emit` may stand for `emits`

    def _try(self, read: Callable[[Candidate], None], candidate: Candidate) -> None:
        """Each key is read by itself, so that all that is wrong is told at once."""
        try:
            read(candidate)
        except UserError as error:
            self.wrong.append(error)
            self._is_unsure |= read in (self._flows, self._subscribes, self._emits, self._task)

    def _where(self, *words: str) -> str:
        return self._source.where(*words)

    def _name(self, candidate: Candidate) -> None:
        candidate.config.name = values.text(self._given.get("name"), "name", self._where("name"))

    def _description(self, candidate: Candidate) -> None:
        if "description" in self._given:
            given, where = self._given["description"], self._where("description")
            candidate.config.description = values.prose(given, "description", where)

    def _flows(self, candidate: Candidate) -> None:
        given, where = self._given.get("flows", []), self._where("flows")
        candidate.config.flows = values.texts(given, "flows", where)

    def _virtuals(self, candidate: Candidate) -> None:
        given, config = self._given, candidate.config
        for key in ("virtualSubscribes", "virtualEmits"):
            found = [self._virtual(one, key, config) for one in self._list(given.get(key, []), key)]
            if key == "virtualEmits":
                config.virtual_emits = found
            else:
                config.virtual_subscribes = found

    def _virtual(self, one: Any, key: str, config: StepConfig) -> str:
        """A topic's name, or Motia's {topic, label}."""
        where = self._where(key)
        if not isinstance(one, dict):
            return values.text(one, key, where)
        self.wrong += problems.check_keys(
            one,
            known={"topic", "label"},
            not_yet=set(),
            of=f"an entry of `{key}`",
            where=dict.fromkeys(one, where),
        )
        topic = values.text(one.get("topic"), key, where)
        self._caption(config, topic, one, where)
        return topic

    @staticmethod
    def _caption(config: StepConfig, topic: str, entry: dict[str, Any], where: str) -> None:
        if entry.get("label") is not None:
            config.captions[topic] = values.text(entry["label"], "label", where)

    def _list(self, value: Any, key: str) -> list[Any]:
        if not isinstance(value, list):
            raise problems.BadConfig(
                f"`{key}` is a list, not {values.shown(value)}", where=self._where(key)
            )
        return value

    def _auth(self, candidate: Candidate) -> None:
        given, config = self._given, candidate.config
        told = next((key for key in ("auth", "public") if key in given), "path")
        config.auth = endpoint_auth(
            given,
            public_by_default=self._settings.public,
            of=f"`{self._step.id}`",
            where=self._where(told),
        )
        config.public = not config.auth

    def _path(self, candidate: Candidate) -> None:
        candidate.config.path = values.path(self._given.get("path"), self._where("path"))

    def _method(self, candidate: Candidate) -> None:
        given, where = self._given.get("method", "GET"), self._where("method")
        candidate.config.method = values.method(given, where)

    def _body(self, candidate: Candidate) -> None:
        if "bodySchema" in self._given:
            where = self._where("bodySchema")
            candidate.input = schema(self._given["bodySchema"], "bodySchema", where)

    def _query(self, candidate: Candidate) -> None:
        where = self._where("queryParams")
        given = self._given.get("queryParams", [])
        candidate.config.query_params = values.query_params(given, where)

    def _middleware(self, candidate: Candidate) -> None:
        where = self._where("middleware")
        given = self._given.get("middleware", [])
        candidate.config.middleware = values.functions(given, where)

    def _responses(self, candidate: Candidate) -> None:
        where = self._where("responseSchema")
        responses = self._given.get("responseSchema", {})
        if not isinstance(responses, dict):
            raise problems.BadConfig("`responseSchema` is a mapping of statuses", where=where)
        for status, given in responses.items():
            if not (str(status).isdigit() and 100 <= int(status) <= 599):
                raise problems.BadConfig(
                    f"`responseSchema` names the status {values.shown(status)}", where=where
                )
            if given is not None:
                candidate.responses[str(status)] = schema(given, f"responseSchema {status}", where)

    def _subscribes(self, candidate: Candidate) -> None:
        where = self._where("subscribes")
        topics = [
            values.topic(one, "subscribes", where)
            for one in values.texts(self._given.get("subscribes", []), "subscribes", where)
        ]
        if not topics:
            raise problems.BadConfig(
                f"`{self._step.id}` subscribes to nothing",
                hint="An event step names its topics: subscribes: ['order.created'].",
                where=where,
            )
        candidate.config.subscribes = topics

    def _input(self, candidate: Candidate) -> None:
        if "input" in self._given:
            candidate.input = schema(self._given["input"], "input", self._where("input"))

    def _task(self, candidate: Candidate) -> None:
        """A No-Op step with a `task` hears and emits; one without is drawn only."""
        if "task" not in self._given:
            for key in ("subscribes", "input"):
                if key in self._given:
                    raise problems.BadConfig(
                        f"`{self._step.id}` has `{key}` and no `task`: nothing waits for a message",
                        hint="Give it a `task`; what is only drawn has virtualSubscribes.",
                        where=self._where(key),
                    )
            return
        self._subscribes(candidate)
        self._input(candidate)
        config = candidate.config
        config.task, candidate.forms = read_task(self._given["task"], where=self._where)
        config.emits = topics_of(config.task)
        config.conditional_emits = config.emits if len(config.emits) > 1 else []

    def _schedule(self, candidate: Candidate) -> None:
        given, config = self._given, candidate.config
        config.catch_up = values.catch_up(given.get("catchUp", "skip"), self._where("catchUp"))
        config.cron, config.timezone = values.cron(
            given.get("cron"), given.get("timezone", "UTC"), self._where("cron")
        )

    def _emits(self, candidate: Candidate) -> None:
        for one in self._list(self._given.get("emits", []), "emits"):
            entry = one if isinstance(one, dict) else {"topic": one}
            try:
                self._emit(candidate, entry)
            except UserError as error:
                self.wrong.append(error)
                self._is_unsure |= not isinstance(entry.get("topic"), str)

    def _emit(self, candidate: Candidate, entry: dict[str, Any]) -> None:
        config = candidate.config
        where = self._where("emits", str(entry.get("topic")))
        topic = values.topic(entry.get("topic"), "emits", where)
        if topic in config.emits:
            raise problems.BadConfig(f"`emits` names `{topic}` twice", where=where)
        config.emits.append(topic)
        self.wrong += problems.check_keys(
            entry,
            known={"topic", "schema", "conditional", "label"},
            not_yet=set(),
            of=f"the emit `{topic}`",
            where=dict.fromkeys(entry, where),
        )
        self._caption(config, topic, entry, where)
        if entry.get("conditional") is not None and values.flag(
            entry["conditional"], "conditional", where
        ):
            config.conditional_emits.append(topic)
        if entry.get("schema") is not None:
            candidate.emits[topic] = schema(entry["schema"], f"schema of {topic}", where)

    def _included(self, candidate: Candidate) -> None:
        if "includeFiles" in self._given:
            self._ignored(candidate)("includeFiles", self._where("includeFiles"))

    def _timeout(self, candidate: Candidate) -> None:
        if "timeout" in self._given:
            given, where = self._given["timeout"], self._where("timeout")
            candidate.config.timeout = values.duration(given, "timeout", where, least_s=0.001)

    def _retries(self, candidate: Candidate) -> None:
        config = candidate.config
        if "retries" in self._given and config.type != "api":
            given, where = self._given["retries"], self._where("retries")
            config.retries = values.retries(given, where, base=config.retries)

    @staticmethod
    def _ignored(candidate: Candidate) -> Callable[[str, str], None]:
        def ignore(key: str, where: str) -> None:
            message = f"`{key}` changes nothing here"
            candidate.warnings.append(problems.Meaningless(message, where=where))

        return ignore

    def _flow(self, candidate: Candidate) -> None:
        """What the step says, else what wistro.yml's defaults say, as far as its kind has it."""
        config = candidate.config
        for key in LIMITS[config.type]:
            name, read = limits.READERS[key]
            if key in self._given:
                where = self._where(key)
                found = read(self._given[key], where)
                path = getattr(found, "key", None)
                if config.type == "cron" and path is not None:
                    raise problems.BadConfig(
                        f"`{key}.key`: a cron step has no message to look into", where=where
                    )
                limits.check_path(path, key, candidate.input, where)
                setattr(config, name, found)
            elif getattr(config, name) is None:  # Motia's spelling comes before the defaults
                default = getattr(self._settings.limits, name)
                if config.type == "event" or getattr(default, "key", None) is None:
                    setattr(config, name, default)

    def _infrastructure(self, candidate: Candidate) -> None:
        given = self._given.get("infrastructure")
        if given is not None:
            motia_limits.read(
                given, candidate.config, where=self._where, ignore=self._ignored(candidate)
            )
