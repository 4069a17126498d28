"""From checked steps, topics and settings to the lock."""

from __future__ import annotations

from pathlib import Path

from wistro.compiler import endpoints
from wistro.compiler.config import Candidate
from wistro.compiler.meet import Topic
from wistro.compiler.settings import Settings
from wistro.languages import LANGUAGES
from wistro.lock import file
from wistro.lock.model import (
    LOCK,
    Lock,
    LockedFlow,
    LockedStep,
    LockedTopic,
    Reference,
)
from wistro.schemas import Schema, key


def assemble(
    root: Path,
    candidates: list[Candidate],
    topics: dict[str, Topic],
    flows: dict[str, LockedFlow],
    settings: Settings,
) -> Lock:
    """The whole lock, its digest included."""
    schemas: dict[str, Schema] = {}

    def keep(schema: Schema | None) -> Reference | None:
        if schema is None:
            return None
        name = key(schema)
        schemas[name] = schema
        return Reference(f"#/schemas/{name}")

    def kept(given: dict[str, Schema]) -> dict[str, Reference]:
        return {
            name: Reference(f"#/schemas/{key(one)}") for name, one in given.items() if keep(one)
        }

    steps = {
        one.step.id: LockedStep(
            file=one.step.file,
            files=sorted(one.files),
            digest=file.step_digest(root, one.files),
            language=one.step.language,
            config=one.config,
            input=keep(one.input),
            responses=kept(one.responses),
            emits=kept(one.emits),
            forms=kept(one.forms),
            export=one.step.export,
        )
        for one in candidates
    }
    lock = Lock(
        lock=LOCK,
        digest="",
        project=settings.name,
        dependencies=dependencies(root, {one.step.language for one in candidates}),
        runtimes=settings.runtimes,
        env=settings.env,
        egress=settings.egress,
        state=settings.state,
        steps=steps,
        topics={
            name: LockedTopic(
                schema=keep(topic.schema),
                from_=sorted({one.id for one in topic.emitters}),
                to=sorted({one.id for one in topic.subscribers}),
            )
            for name, topic in topics.items()
        },
        triggers=endpoints.gather(candidates, settings),
        flows=flows,
        schemas=schemas,
    )
    return file.parse(file.write(lock))


def dependencies(root: Path, languages: set[str]) -> dict[str, dict[str, str]]:
    """Each language's manifests with the hash of what they say."""
    found: dict[str, dict[str, str]] = {}
    for language in sorted(languages):
        for name in LANGUAGES[language].toolkit.MANIFESTS:
            if (root / name).is_file():
                found.setdefault(language, {})[name] = "sha256:" + file.content_sha256(root / name)
    return found
