"""Why a task cannot be answered as it was asked to be."""

from __future__ import annotations

from wistro.errors import UserError
from wistro.protocol.times import rfc3339
from wistro.store.tasks import ANSWERED, CANCELLED, TaskRow


class UnknownTask(UserError):
    """No task has this id, or no task is behind this link."""

    code = "task.unknown"
    hint = "An ended task is kept for 30 days, and so are the links to it."
    status = 404


class TaskEnded(UserError):
    """The task waits no more: it was answered before, its time is over, or its run was cancelled."""

    code = "task.ended"
    hint = ""
    status = 409


class UnknownAnswer(UserError):
    """The task has no answer of this name."""

    code = "task.unknown-answer"
    status = 422


class UnfitForm(UserError):
    """The form does not fit the answer's schema; `fields` maps JSON pointers to what is wrong."""

    code = "task.unfit"
    hint = "Correct the named fields."
    status = 422


def ended(kept: TaskRow) -> TaskEnded:
    at = rfc3339(kept.ended_at_us or 0)
    fields = {"state": kept.state, "at": at}
    if kept.state == ANSWERED:
        by = f" by {kept.answered_by}" if kept.answered_by else ""
        fields |= {"answer": kept.answer or "", "by": kept.answered_by or ""}
        return TaskEnded(f"the task was answered `{kept.answer}`{by} at {at}", fields=fields)
    if kept.state == CANCELLED:
        return TaskEnded(f"the task's run was cancelled at {at}", fields=fields)
    return TaskEnded(f"the task's time was over at {at}", fields=fields)
