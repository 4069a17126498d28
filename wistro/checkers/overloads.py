"""Why a step's emit does not fit, where pyright speaks of another topic.

Of a call that fits none of several overloads pyright explains the last one. So it is asked once more, of those files
alone, with the overload of the emit's own topic in the last place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from wistro.checkers.port import Finding
from wistro.lock.model import Lock
from wistro.types import python, surface_of
from wistro.types.surface import StepTypes
from wistro.types.wire import PYRIGHTCONFIG, has_config
from wistro.types.write import PYTHON_SDK

FOLDER = ".wistro/check/overloads"
MOST_ROUNDS = 4  # one for each topic that emits of the same step are wrong on
_TOPIC = re.compile(
    r"\"Literal\['(?P<given>[^']*)'\]\" is not assignable to type \"Literal\['(?P<told>[^']*)'\]\""
)


def explain(
    root: Path, lock: Lock, found: list[Finding], *, ask: Callable[[str], list[Finding]]
) -> list[Finding]:
    """The findings, those that speak of another topic explained; `ask` runs pyright by a configuration's path."""
    topics = _misplaced(lock, found)
    better: dict[tuple[str | None, int], Finding] = {}
    for number in range(min(MOST_ROUNDS, max(map(len, topics.values()), default=0))):
        last = {file: wanted[number] for file, wanted in topics.items() if number < len(wanted)}
        for one in ask(_prepared(root, lock, last)):
            if one.is_error and _given(one, lock) is None:
                better.setdefault((one.file, one.line), one)
    return [
        better.get((one.file, one.line), one) if _given(one, lock) is not None else one
        for one in found
    ]


def _misplaced(lock: Lock, found: Iterable[Finding]) -> dict[str, list[str]]:
    """By file the topics whose emits were compared with another topic's message."""
    topics: dict[str, list[str]] = {}
    for one in found:
        given = _given(one, lock)
        if (
            one.file is not None
            and given is not None
            and given not in topics.setdefault(one.file, [])
        ):
            topics[one.file].append(given)
    return topics


def _given(one: Finding, lock: Lock) -> str | None:
    said = _TOPIC.search(one.message)
    if said is None or said["given"] == said["told"]:
        return None
    emits = next((step.config.emits for step in lock.steps.values() if step.file == one.file), [])
    return said["given"] if said["given"] in emits and said["told"] in emits else None


def _prepared(root: Path, lock: Lock, last: dict[str, str]) -> str:
    """A configuration for these files, which finds types of its own."""
    folder = root / FOLDER
    surface = surface_of(lock)
    surface = replace(
        surface,
        steps=[_reordered(one, last.get(lock.steps[one.id].file)) for one in surface.steps],
    )
    module = folder / "wistro_types" / "__init__.py"
    module.parent.mkdir(parents=True, exist_ok=True)
    module.write_text(python.render(surface), "utf-8")
    above = "../../../"
    base = PYRIGHTCONFIG if (root / PYRIGHTCONFIG).is_file() else "pyproject.toml"
    config = {"extends": above + base} if has_config(root, "python") else {}
    config |= {
        "include": [above + file for file in sorted(last)],
        "exclude": [],
        "extraPaths": [".", above + "src", above + PYTHON_SDK, above.rstrip("/")],
    }
    path = folder / PYRIGHTCONFIG
    path.write_text(json.dumps(config), "utf-8")
    return path.relative_to(root).as_posix()


def _reordered(step: StepTypes, last: str | None) -> StepTypes:
    if last is None:
        return step
    others = {topic: shape for topic, shape in step.emits.items() if topic != last}
    return replace(step, emits=others | {last: step.emits[last]})
