"""Do events meet? Topics with their types, emitters and subscribers, and everything that does not add up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from wistro.compiler import problems, tasks
from wistro.compiler.config import Candidate
from wistro.compiler.settings import Settings
from wistro.errors import UserError
from wistro.schemas import (
    CannotDecide,
    DoesNotFit,
    Schema,
    all_of,
    any_of,
    contradict,
    fits,
    key,
    normalise,
)

SCHEDULED = normalise(
    {
        "type": "object",
        "properties": {"scheduled_at": {"type": "string", "format": "date-time"}},
        "required": ["scheduled_at"],
        "additionalProperties": False,
    }
)


@dataclass
class Emitter:
    id: str
    where: str
    schema: Schema | None = None  # what it says that it emits


@dataclass
class Subscriber:
    id: str
    where: str
    schema: Schema | None = None


@dataclass
class Topic:
    """One topic: who emits, who hears, and what every message on it must fit."""

    name: str
    emitters: list[Emitter] = field(default_factory=list)
    subscribers: list[Subscriber] = field(default_factory=list)
    declared: Schema | None = None
    declared_where: str = ""
    schema: Schema | None = None


def gather(candidates: list[Candidate], settings: Settings) -> dict[str, Topic]:
    """Every topic that anything names, sorted."""
    found: dict[str, Topic] = {}

    def topic(name: str) -> Topic:
        return found.setdefault(name, Topic(name))

    for name in settings.topic_where:
        topic(name).declared = settings.topics.get(name)
        topic(name).declared_where = settings.topic_where[name]
    for step in candidates:
        for name in step.config.emits if step.config.task is None else ():
            where = step.source.where("emits", name)
            topic(name).emitters.append(Emitter(step.step.id, where, step.emits.get(name)))
        for emitter in tasks.emitters(step):
            topic(emitter.topic).emitters.append(
                Emitter(step.step.id, emitter.where, emitter.schema)
            )
        for name in step.config.subscribes:
            where = step.source.where("subscribes", name)
            topic(name).subscribers.append(Subscriber(step.step.id, where, step.input))
    for entry in settings.api:
        topic(entry.emits).emitters.append(Emitter(entry.id, entry.where))
    for entry in settings.outside:
        topic(entry.topic).emitters.append(Emitter(entry.id, entry.where))
    for entry in settings.cron:
        topic(entry.emits).emitters.append(Emitter(entry.id, entry.where, SCHEDULED))
    return dict(sorted(found.items()))


def check(topics: dict[str, Topic], *, whole: bool) -> tuple[list[UserError], list[UserError]]:
    """Problems and warnings; sets each topic's schema. `whole` is False when a step could not be read:
    then nothing is said about what may be missing."""
    wrong: list[UserError] = []
    warnings: list[UserError] = []
    emitted = {name for name, topic in topics.items() if topic.emitters}
    heard = {name for name, topic in topics.items() if topic.subscribers}
    for topic in topics.values():
        if whole:
            wrong += _unknown(topic, emitted)
            warnings += _unheard(topic, heard)
        more, doubts = _type(topic)
        wrong += more
        warnings += doubts
    return wrong, warnings


def _unknown(topic: Topic, emitted: set[str]) -> list[UserError]:
    if topic.emitters:
        return []
    hint = problems.did_you_mean(topic.name, emitted)
    return [
        problems.UnknownTopic(
            f"`{one.id}` subscribes to `{topic.name}`, which nothing emits",
            hint=hint,
            where=one.where,
        )
        for one in topic.subscribers
    ]


def _unheard(topic: Topic, heard: set[str]) -> list[UserError]:
    if topic.subscribers:
        return []
    hint = problems.did_you_mean(topic.name, heard)
    if not topic.emitters:
        message = f"wistro.yml describes `{topic.name}`, which nothing emits or hears"
        return [problems.UnheardTopic(message, hint="Remove it.", where=topic.declared_where)]
    return [
        problems.UnheardTopic(
            f"`{one.id}` emits `{topic.name}`, which nobody subscribes to",
            hint=hint,
            where=one.where,
        )
        for one in topic.emitters
    ]


def _type(topic: Topic) -> tuple[list[UserError], list[UserError]]:
    """The topic's type: wistro.yml's; else the emitters'; else what its subscribers require together."""
    wrong: list[UserError] = []
    warnings: list[UserError] = []
    undecided: list[Schema] = []
    required = _distinct([one.schema for one in topic.subscribers])
    wrong += _contradictions(topic)
    if topic.declared is not None:
        for emitter in topic.emitters:
            if emitter.schema is not None:
                _compare(
                    emitter.schema,
                    topic.declared,
                    emitter.where,
                    _said(emitter, topic),
                    wrong,
                    warnings,
                )
        for subscriber in topic.subscribers:
            _meets(
                topic.declared,
                "wistro.yml",
                topic.declared_where,
                subscriber,
                topic,
                wrong,
                warnings,
                undecided,
            )
        topic.schema = all_of([topic.declared, *_distinct(undecided)])
        return wrong, warnings
    emitters = [one for one in topic.emitters if one.schema is not None]
    for emitter in emitters:
        for subscriber in topic.subscribers:
            _meets(
                emitter.schema or {},
                f"`{emitter.id}`",
                emitter.where,
                subscriber,
                topic,
                wrong,
                warnings,
                undecided,
            )
    if emitters:
        named = any_of(_distinct([one.schema for one in emitters]))
        # An emitter that names no schema is held to what the others say.
        topic.schema = all_of([named, *_distinct(undecided)])
    elif required:
        topic.schema = all_of(required)
    return wrong, warnings


def _said(emitter: Emitter, topic: Topic) -> str:
    return f"`{emitter.id}` emits on `{topic.name}` what does not fit its schema in wistro.yml"


def _meets(
    emitted: Schema,
    by: str,
    where: str,
    subscriber: Subscriber,
    topic: Topic,
    wrong: list[UserError],
    warnings: list[UserError],
    undecided: list[Schema],
) -> None:
    if subscriber.schema is None:
        return
    said = f"what {by} emits on `{topic.name}` does not fit `{subscriber.id}`"
    if _compare(emitted, subscriber.schema, where, said, wrong, warnings):
        undecided.append(subscriber.schema)


def _compare(
    emitted: Schema,
    wanted: Schema,
    where: str,
    said: str,
    wrong: list[UserError],
    warnings: list[UserError],
) -> bool:
    """Adds the problem or the warning; True when it could not be decided."""
    verdict = fits(emitted, wanted)
    if isinstance(verdict, DoesNotFit):
        at = f" at `{verdict.path}`" if verdict.path else ""
        hint = f"For example {verdict.example}." if verdict.example else ""
        wrong.append(problems.DoesNotMeet(f"{said}{at}: {verdict.why}", hint=hint, where=where))
    elif isinstance(verdict, CannotDecide):
        at = f" at `{verdict.path}`" if verdict.path else ""
        message = f"{said.replace('does not fit', 'may not fit')}{at}: `{verdict.keyword}` cannot be decided"
        warnings.append(problems.CannotTell(message, where=where))
        return True
    return False


def _contradictions(topic: Topic) -> list[UserError]:
    typed = [one for one in topic.subscribers if one.schema is not None]
    for index, one in enumerate(typed):
        for other in typed[index + 1 :]:
            found = contradict(one.schema or {}, other.schema or {})
            if found is not None:
                at = f" at `{found.path}`" if found.path else ""
                return [
                    problems.Contradiction(
                        f"`{one.id}` and `{other.id}` subscribe to `{topic.name}`, and no message fits both{at}: {found.why}",
                        hint="Make their inputs agree, or give one its own topic.",
                        where=other.where,
                    )
                ]
    return []


def _distinct(schemas: Iterable[Schema | None]) -> list[Schema]:
    found = {key(one): one for one in schemas if one is not None and one != {}}
    return [found[name] for name in sorted(found)]
