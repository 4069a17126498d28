"""One step's described `config`, checked key by key, into what the lock says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from wistro.compiler import limits, problems, values
from wistro.compiler.find import StepFile
from wistro.compiler.locate import Source
from wistro.compiler.settings import Settings, endpoint_auth, schema
from wistro.compiler.tasks import read_task, topics_of
from wistro.errors import NotYet, UserError
from wistro.lock.model import Fifo, QueryParam, Retries, StepConfig
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
# Of Motia's cloud and queues: hosts are shared by steps, and what a dead one held is found at once.
MEANINGLESS = {
    ("handler", "ram"),
    ("handler", "cpu"),
    ("handler", "machineType"),
    ("queue", "visibilityTimeout"),
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
        self._try(self._common, candidate)
        for read in {
            "api": (self._endpoint, self._body, self._emits, self._limits),
            "event": (self._subscribes, self._input, self._emits, self._limits, self._flow),
            "cron": (self._schedule, self._emits, self._limits, self._flow),
            "noop": (self._task,),
        }[kind]:
            self._try(read, candidate)
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
        self.wrong += problems.check_keys(
            self._given,
            known=known,
            not_yet=not_yet,
            of=f"{kind} step",
            where=where,
            elsewhere=elsewhere,
        )

    def _try(self, read: Callable[[Candidate], None], candidate: Candidate) -> None:
        try:
            read(candidate)
        except UserError as error:
            self.wrong.append(error)

    def _where(self, *words: str) -> str:
        return self._source.where(*words)

    def _common(self, candidate: Candidate) -> None:
        given, config = self._given, candidate.config
        config.flows = values.texts(given.get("flows", []), "flows", self._where("flows"))
        if "description" in given:
            where = self._where("description")
            config.description = values.prose(given["description"], "description", where)
        for key in ("virtualSubscribes", "virtualEmits"):
            found = [self._virtual(one, key, config) for one in self._list(given.get(key, []), key)]
            if key == "virtualEmits":
                config.virtual_emits = found
            else:
                config.virtual_subscribes = found
        config.name = values.text(given.get("name"), "name", self._where("name"))

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

    def _endpoint(self, candidate: Candidate) -> None:
        given, config = self._given, candidate.config
        try:
            config.auth = endpoint_auth(
                given,
                public_by_default=self._settings.public,
                of=f"`{self._step.id}`",
                where=self._where(
                    "auth" if "auth" in given else "public" if "public" in given else "path"
                ),
            )
            config.public = not config.auth
        except UserError as error:
            self.wrong.append(error)
        config.path = values.path(given.get("path"), self._where("path"))
        config.method = values.method(given.get("method", "GET"), self._where("method"))

    def _body(self, candidate: Candidate) -> None:
        if "bodySchema" in self._given:
            where = self._where("bodySchema")
            candidate.input = schema(self._given["bodySchema"], "bodySchema", where)
        where = self._where("queryParams")
        candidate.config.query_params = query_params(self._given.get("queryParams", []), where)
        where = self._where("middleware")
        candidate.config.middleware = functions(self._given.get("middleware", []), where)
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
        config = candidate.config
        for one in self._list(self._given.get("emits", []), "emits"):
            entry = one if isinstance(one, dict) else {"topic": one}
            where = self._where("emits", str(entry.get("topic")))
            topic = values.topic(entry.get("topic"), "emits", where)
            if wrong := problems.check_keys(
                entry,
                known={"topic", "schema", "conditional", "label"},
                not_yet=set(),
                of=f"the emit `{topic}`",
                where=dict.fromkeys(entry, where),
            ):
                self.wrong += wrong
            if topic in config.emits:
                raise problems.BadConfig(f"`emits` names `{topic}` twice", where=where)
            config.emits.append(topic)
            self._caption(config, topic, entry, where)
            if entry.get("conditional") is not None and values.flag(
                entry["conditional"], "conditional", where
            ):
                config.conditional_emits.append(topic)
            if entry.get("schema") is not None:
                candidate.emits[topic] = schema(entry["schema"], f"schema of {topic}", where)

    def _limits(self, candidate: Candidate) -> None:
        given, config = self._given, candidate.config
        self._infrastructure(candidate)
        if "includeFiles" in given:
            self._ignore(candidate, "includeFiles", self._where("includeFiles"))
        if "timeout" in given:
            where = self._where("timeout")
            config.timeout = values.duration(given["timeout"], "timeout", where, least_s=0.001)
        if "retries" in given and config.type != "api":
            config.retries = values.retries(
                given["retries"], self._where("retries"), base=config.retries
            )

    def _ignore(self, candidate: Candidate, key: str, where: str) -> None:
        candidate.warnings.append(
            problems.Meaningless(f"`{key}` changes nothing here", where=where)
        )

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
        """Motia's spelling of timeout, retries, delay and fifo; what else it held is not built."""
        given, config = self._given.get("infrastructure"), candidate.config
        if given is None:
            return
        where = self._where("infrastructure")
        if not isinstance(given, dict):
            raise problems.BadConfig("`infrastructure` is a mapping", where=where)
        for part, keys in given.items():
            for key, value in (keys if isinstance(keys, dict) else {"": keys}).items():
                at = self._where("infrastructure", key)
                if (part, key) == ("handler", "timeout"):
                    config.timeout = values.duration(value, "timeout", at, least_s=0.001)
                elif (part, key) == ("queue", "maxRetries") and config.type != "api":
                    config.retries = values.retries({"max": value}, at, base=config.retries)
                elif (part, key) == ("queue", "delaySeconds") and config.type == "event":
                    config.delay = values.duration(value, "delaySeconds", at) if value else None
                elif (part, key, value) == ("queue", "type", "fifo") and config.type == "event":
                    config.fifo = config.fifo or Fifo()
                elif (part, key) == ("queue", "messageGroupId") and config.type == "event":
                    config.fifo = limits.fifo({"key": value}, at)
                elif (part, key) in MEANINGLESS:
                    self._ignore(candidate, f"infrastructure.{part}.{key}", at)
                elif (part, key, value) not in (
                    ("queue", "type", "standard"),
                    ("queue", "delaySeconds", 0),
                ):
                    raise NotYet(f"`infrastructure.{part}.{key}` is not built yet", where=at)


def functions(given: Any, where: str) -> list[str]:
    """Their names: they run from the step's file, in this order."""
    if not isinstance(given, list):
        raise problems.BadConfig("`middleware` is a list of functions", where=where)
    return [values.text(one, "middleware", where) for one in given]


def query_params(given: Any, where: str) -> list[QueryParam]:
    """For those who call the endpoint: what is in the query is not checked."""
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise problems.BadConfig("`queryParams` is a list of {name, description}", where=where)
    found: list[QueryParam] = []
    for one in given:
        if unknown := sorted(set(one) - {"name", "description"}):
            raise problems.BadConfig(f"a query parameter has no `{unknown[0]}`", where=where)
        name = values.text(one.get("name"), "queryParams name", where)
        found.append(
            QueryParam(name, values.prose(one.get("description", ""), "description", where))
        )
    values.texts([one.name for one in found], "queryParams", where)
    return found
