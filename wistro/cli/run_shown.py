"""One run on a terminal: its attempts below those that caused them."""

from __future__ import annotations

from wistro.cli import say
from wistro.cli.tables import span
from wistro.protocol.reading import AttemptView, RunDetail

MARKS = {"done": "✓", "failed": "✗", "dead": "✗", "interrupted": "✗", "cancelled": "-"}
DEEPEST = 12  # levels that are indented; a narrow terminal shows no more
STACK_LINES = 8


def show_run(detail: RunDetail) -> None:
    run = detail.run
    flows = f"  {', '.join(run.flows)}" if run.flows else ""
    _out(f"{MARKS.get(run.status, '·')} {run.id}  {run.trigger.label}  {run.status}{flows}")
    _out(f"  {run.started_at}  trace {run.trace_id}")
    known = {one.id for one in detail.attempts}
    below: dict[str | None, list[AttemptView]] = {}
    for one in detail.attempts:
        parent = one.parent_id if one.parent_id in known else None
        below.setdefault(parent, []).append(one)
    waiting = [(one, 0) for one in reversed(below.get(None, []))]
    while waiting:  # not recursive: a chain of steps may be longer than Python's stack
        one, depth = waiting.pop()
        _attempt(one, min(depth, DEEPEST))
        waiting += [(child, depth + 1) for child in reversed(below.get(one.id, []))]


def _attempt(one: AttemptView, depth: int) -> None:
    indent = "  " * (depth + 1)
    number = f" (attempt {one.number})" if one.number > 1 else ""
    topic = f" <- {one.topic}" if one.topic else ""
    mark = "✓" if one.outcome == "done" else "✗"
    _out(f"{indent}{mark} {one.step}{topic}{number}  {one.outcome}  {span(one.run_us)}")
    if one.error:
        _out(f"{indent}    {one.error.get('type', '')}: {one.error.get('message', '')}")
        stack = str(one.error.get("stack", "")).splitlines()
        for line in stack[-STACK_LINES:]:
            _out(f"{indent}      {line}")
    for emit in one.emits:
        _out(f"{indent}    -> {emit.get('topic', '')}")


def _out(line: str) -> None:
    say.line(line)
