"""Topics: `lines:env_06d…` is a name and the id of what it is about. Members of its organization may listen.

Topics of the Hub: lines, runs and traffic of an environment, run, versions and source of a project, build of a
version. The app that publishes a topic registers it in AppConfig.ready.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from wistro.errors import UserError
from wistro.protocol import ids

_KIND_BY_NAME: dict[str, str] = {}


class UnknownTopic(UserError):
    """A topic that no part of the Hub publishes."""

    code = "live.unknown-topic"


class NotYours(UserError):
    """A topic about something that is not there for the asker."""

    code = "live.not-found"
    status = 404


@dataclass(frozen=True)
class Topic:
    name: str
    kind: str
    id: UUID

    @property
    def group(self) -> str:
        """Its name among the channel layer's groups."""
        return f"{self.name}.{self.id.hex}"

    def __str__(self) -> str:
        return f"{self.name}:{ids.show(self.kind, self.id)}"


def register(name: str, kind: str) -> None:
    """Name a topic and the kind of id it is about: `register("lines", "environment")`."""
    _KIND_BY_NAME[name] = kind


def registered() -> dict[str, str]:
    return dict(_KIND_BY_NAME)


def read(text: str) -> Topic:
    """The topic that a browser named; raises UnknownTopic or NotYours."""
    name, _, id = text.partition(":")
    if (kind := _KIND_BY_NAME.get(name)) is None:
        raise UnknownTopic(
            f"There is no topic `{name[:40]}`", hint=", ".join(sorted(_KIND_BY_NAME))
        )
    try:
        return Topic(name, kind, ids.read(kind, id))
    except ids.UnreadableId as error:
        raise NotYours("There is nothing here") from error


def about(name: str, id: UUID) -> Topic:
    return Topic(name, _KIND_BY_NAME[name], id)
