"""What starts runs and what they are called: flows, topics, endpoints, schedules."""

from __future__ import annotations

from typing import Any

from wistro.compiler import problems, values
from wistro.compiler.settings.checks import endpoint_auth, schema
from wistro.compiler.settings.lines import Lines
from wistro.compiler.settings.model import ApiEntry, CronEntry, OutsideEntry


class Triggers(Lines):
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
        self._keys(topic, ("topics", name), known={"schema", "from", "flows"}, of=f"topic `{name}`")
        self._outside(name, topic, where)
        if "schema" in topic:
            at = self._where("topics", name, "schema")
            self.settings.topics[name] = schema(topic["schema"], "schema", at)
        self.settings.topic_where[name] = where

    def _outside(self, name: str, topic: dict[str, Any], where: str) -> None:
        given = topic.get("from")
        if given is None and "flows" in topic:
            raise problems.BadConfig(
                f"topic `{name}` has `flows` and is not `from: outside`",
                hint="A topic's flows are those of the runs that its outside events start.",
                where=self._where("topics", name, "flows"),
            )
        if given is None:
            return
        if given != "outside":
            raise problems.BadConfig(
                f"`from` of topic `{name}` is {values.shown(given)}",
                hint="`from: outside` is the one value: steps and triggers name what they emit.",
                where=self._where("topics", name, "from"),
            )
        if not values.is_segment(name):
            raise problems.BadConfig(
                f"topic `{name}` cannot be part of an address",
                hint="Events arrive at /_wistro/events/<topic>: letters, digits and -._~ will do.",
                where=where,
            )
        at = self._where("topics", name, "flows")
        flows = values.texts(topic.get("flows", []), "flows", at)
        self.settings.outside.append(OutsideEntry(name, flows, where))

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
        at = self._where("cron", key, "catchUp")
        catch_up = values.catch_up(entry.get("catchUp", "skip"), at)
        schedule, timezone = values.cron(
            entry.get("schedule"),
            entry.get("timezone", "UTC"),
            self._where("cron", key, "schedule"),
        )
        emits = values.topic(entry.get("emits"), "emits", self._where("cron", key, "emits"))
        flows = values.texts(entry.get("flows", []), "flows", self._where("cron", key, "flows"))
        self.settings.cron.append(CronEntry(key, schedule, timezone, emits, flows, where, catch_up))
