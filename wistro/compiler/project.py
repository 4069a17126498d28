"""A project folder in, its lock out, or everything that is wrong with it at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from wistro.compiler import endpoints, flows, meet, problems, tasks
from wistro.compiler.assemble import assemble
from wistro.compiler.config import Candidate, read_config
from wistro.compiler.describe import Answers, describe
from wistro.compiler.find import StepFile, find_steps
from wistro.compiler.locate import Source
from wistro.compiler.settings import Settings, read_settings
from wistro.errors import UserError
from wistro.languages.port import Made
from wistro.lock.model import Lock
from wistro.state.port import GIVES_UP


@dataclass
class Compiled:
    """`lock` is None when there are problems. Each of both lists has code, message, where, hint."""

    lock: Lock | None
    problems: list[UserError] = field(default_factory=list)
    warnings: list[UserError] = field(default_factory=list)


def compile_project(root: Path, *, now_cached: bool = True) -> Compiled:
    """Compile the project at `root`. Writes only below `.wistro`; `now_cached=False` asks every file anew."""
    root = root.resolve()
    settings, wrong = read_settings(root)
    steps, unnamed = find_steps(root, settings.src)
    wrong += unnamed
    if not steps and not wrong and not (settings.api or settings.cron or settings.outside):
        folders = " or ".join(f"{folder}/" for folder in settings.src)
        return Compiled(None, [problems.NoSource(f"there is no step file in {folders}")])
    described = describe(root, steps, settings, now_cached=now_cached)
    wrong += described.problems
    candidates, more = _configured(root, described.steps, described.answers, settings)
    wrong += more
    whole = (
        not described.problems
        and not unnamed
        and settings.meets
        and len(candidates) == len(described.steps)
        and all(one.meets for one in candidates)
    )
    compiled = _checked(root, candidates, settings, wrong, whole=whole)
    _settle(root, compiled, described.made)
    return compiled


def _settle(root: Path, compiled: Compiled, made: list[Made]) -> None:
    """What was built to be described is what hosts load: kept under its key, or dropped when nothing came of it."""
    for one in made:
        if compiled.lock is None:
            one.discard()
        else:
            one.adopt(root, compiled.lock)


def _configured(
    root: Path, steps: list[StepFile], answers: Answers, settings: Settings
) -> tuple[list[Candidate], list[UserError]]:
    candidates: list[Candidate] = []
    wrong: list[UserError] = []
    for step in steps:
        source = Source(root, step.file, line=step.line)
        candidate, more = read_config(step, answers[step.id], source=source, settings=settings)
        wrong += more
        if candidate is not None:
            candidates.append(candidate)
    return candidates, wrong


def _checked(
    root: Path,
    candidates: list[Candidate],
    settings: Settings,
    wrong: list[UserError],
    *,
    whole: bool,
) -> Compiled:
    """`whole`: nothing is unread of what steps and wistro.yml emit, hear and group, so what is missing is missing."""
    topics = meet.gather(candidates, settings)
    more, warnings = meet.check(topics, whole=whole)
    wrong += more
    warnings = [*(one for each in candidates for one in each.warnings), *warnings]
    if whole:
        wrong += tasks.check(candidates, topics)
    found = flows.gather(candidates, settings)
    if whole:
        wrong += flows.check(found, candidates, settings, topics)
    wrong += endpoints.check(candidates, settings)
    wrong += _names(candidates)
    if settings.public:
        message = "`defaults: {public: true}`: endpoints without `auth` may be called by anybody"
        warnings.insert(0, problems.OpenProject(message, where=settings.public_where))
    if settings.state is not None:
        warnings.insert(
            0, problems.StateElsewhere(GIVES_UP[settings.state.adapter], where=settings.state_where)
        )
    lock = None
    if not wrong:
        try:
            lock = assemble(root, candidates, topics, found, settings)
        except UserError as error:
            wrong.append(error)
    return Compiled(lock, sorted(wrong, key=_place), warnings)


def _names(candidates: list[Candidate]) -> list[UserError]:
    taken: dict[str, str] = {}
    wrong: list[UserError] = []
    for one in candidates:
        name = one.config.name
        if name and name in taken:
            wrong.append(
                problems.DuplicateName(
                    f"`{taken[name]}` and `{one.step.id}` are both named `{name}`",
                    where=one.source.where("name"),
                )
            )
        taken.setdefault(name, one.step.id)
    return wrong


def _place(error: UserError) -> tuple[str, int]:
    file, _, line = (error.where or "").rpartition(":")
    return (file, int(line)) if line.isdigit() else (error.where or "", 0)
