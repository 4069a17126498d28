"""What beat does, and how often. Put `@every(seconds=60)` over a task in an app's tasks.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

SCHEDULE: dict[str, dict[str, Any]] = {}
Task = TypeVar("Task")


def every(*, seconds: float) -> Callable[[Task], Task]:
    """Have beat send this task; a tick that nobody took until the next one is dropped."""

    def add(task: Task) -> Task:
        name = task.name  # type: ignore[attr-defined]
        SCHEDULE[name] = {"task": name, "schedule": seconds, "options": {"expires": seconds}}
        return task

    return add
