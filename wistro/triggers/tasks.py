"""`/_wistro/tasks/<token>`: a task for whoever has its link, as a page or as JSON, and its answer."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import msgspec

from wistro.errors import UserError
from wistro.http.message import JSON, Request, Response, refusal
from wistro.protocol.operating import TaskView
from wistro.triggers.forms import fields_of, read
from wistro.triggers.port import TaskDesk
from wistro.triggers.task_page import HEADERS, error_page, task_page

TASKS = "/_wistro/tasks/"
MAX_FIELDS = 1_000
SAFE = [
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
    ("x-robots-tag", "noindex"),
]


class TaskMethod(UserError):
    """A task's link takes GET, HEAD and POST."""

    code = "task.method"
    hint = "GET shows the task, POST answers it."
    status = 405


class BadAnswer(UserError):
    """What was sent to a task's link is no answer."""

    code = "task.bad-answer"
    hint = 'Send {"answer": "approve", "form": {…}, "by": "who"} as JSON, or the page\'s own form.'
    status = 422


class _Sent(msgspec.Struct):
    answer: str
    form: Any = None
    by: str | None = None


async def handle(desk: TaskDesk, request: Request) -> Response:
    """Whoever has the token is let in; GET changes nothing, so a mail scanner that looks answers nothing."""
    token = request.path.removeprefix(TASKS)
    wants_page = _wants_page(request)
    try:
        task = await desk.task_behind(token)
        if request.method in ("GET", "HEAD"):
            return _shown(task, wants_page)
        if request.method != "POST":
            return refusal(
                TaskMethod(f"{request.method} is not for tasks"),
                headers=[("allow", "GET, HEAD, POST"), *SAFE],
            )
        if _is_form(request):
            return await _answer_form(desk, token, task, request)
        sent = _sent(request)
        ended = await desk.answer_behind(token, sent.answer, sent.form, by=sent.by)
        return _shown(ended, wants_page=False)
    except UserError as error:
        if wants_page or _is_form(request):
            return Response(error.status, error_page(error.message, error.hint or ""), HEADERS)
        return refusal(error, headers=SAFE)


async def _answer_form(desk: TaskDesk, token: str, task: TaskView, request: Request) -> Response:
    given = _fields(request)
    answer = given.get("answer", "")
    asked = task.answers.get(answer)
    value = read(fields_of(asked.form), given) if asked else {}
    try:
        await desk.answer_behind(token, answer, value, by=given.get("by", "").strip() or None)
    except UserError as error:
        if error.status == 409:  # somebody was first: the page says who
            return Response(409, task_page(await desk.task_behind(token)), HEADERS)
        if error.fields:
            page = task_page(task, answer=answer, given=given, wrong=error.fields)
            return Response(error.status, page, HEADERS)
        raise
    # Its own address again, by GET: loading it anew sends nothing twice.
    return Response(303, b"", [("location", f"{TASKS}{token}"), *SAFE])


def _shown(task: TaskView, wants_page: bool) -> Response:
    if wants_page:
        return Response(200, task_page(task), HEADERS)
    return Response(200, msgspec.json.encode(task), [JSON, *SAFE])


def _wants_page(request: Request) -> bool:
    """Browsers name text/html; whoever names JSON, or nothing in particular, gets JSON."""
    accept = (request.header("accept") or "").lower()
    return "text/html" in accept or (not accept and _is_form(request))


def _is_form(request: Request) -> bool:
    kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
    return request.method == "POST" and kind == "application/x-www-form-urlencoded"


def _sent(request: Request) -> _Sent:
    try:
        return msgspec.json.decode(request.body, type=_Sent)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise BadAnswer(f"the body is no answer: {error}") from error


def _fields(request: Request) -> dict[str, str]:
    try:
        found = parse_qs(request.body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:  # UnicodeDecodeError is one
        raise BadAnswer("the body is no form in UTF-8") from error
    return {name: values[-1] for name, values in found.items()}
