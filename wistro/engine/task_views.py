"""A task as people are shown it."""

from __future__ import annotations

import msgspec

from wistro.engine.loaded import TaskPlan
from wistro.lock.model import StepConfig
from wistro.protocol.ids import show
from wistro.protocol.operating import AnswerView, EndView, TaskView
from wistro.protocol.times import rfc3339
from wistro.store.tasks import TaskRow


def task_view(
    kept: TaskRow, *, task: TaskPlan | None = None, config: StepConfig | None = None
) -> TaskView:
    return TaskView(
        id=show("task", kept.task_id),
        run=show("run", kept.run_id),
        step=kept.step,
        name=config.name if config else kept.step,
        description=config.description if config else None,
        assignee=kept.assignee,
        state=kept.state,
        opened_at=rfc3339(kept.opened_at_us),
        expires_at=rfc3339(kept.expires_at_us) if kept.expires_at_us is not None else None,
        topic=kept.topic,
        message=msgspec.json.decode(kept.message),
        answers={
            name: AnswerView(one.topic.topic, one.schema)
            for name, one in (task.answers if task else {}).items()
        },
        ended=_end(kept),
    )


def _end(kept: TaskRow) -> EndView | None:
    if kept.ended_at_us is None:
        return None
    return EndView(
        at=rfc3339(kept.ended_at_us),
        answer=kept.answer,
        form=msgspec.json.decode(kept.form) if kept.form is not None else None,
        by=kept.answered_by,
        how=kept.how,
    )
