"""A task's link: a page without script, JSON for who asks for it, and its answer."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from msgspec import structs

from wistro.engine.task_errors import TaskEnded, UnfitForm, UnknownTask
from wistro.http.message import Request, Response
from wistro.protocol.operating import AnswerView, EndView, TaskView
from wistro.triggers.forms import fields_of, read
from wistro.triggers.tasks import handle

FORM = {
    "type": "object",
    "required": ["cents", "level"],
    "properties": {
        "cents": {"type": "integer", "minimum": 1, "description": "In cents"},
        "level": {"enum": ["low", "high"]},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "urgent": {"type": "boolean"},
        "to": {"type": "object", "properties": {"e_mail": {"type": "string", "format": "email"}}},
        "lines": {"type": "array", "items": {"type": "string"}},
    },
}
TASK = TaskView(
    id="tsk_1",
    run="run_1",
    step="src/approve",
    name="Manager <approves>",
    description=None,
    assignee="managers",
    state="open",
    opened_at="2026-11-24T10:00:00.000000Z",
    expires_at="2026-11-27T10:00:00.000000Z",
    topic="order.large",
    message={"order": "<script>alert(1)</script>", "cents": 5},
    answers={"approve": AnswerView("approved", FORM), "reject": AnswerView("rejected", None)},
    ended=None,
)
TOKEN = "t" * 43
BROWSER = ("accept", "text/html,application/xhtml+xml")
AS_FORM = ("content-type", "application/x-www-form-urlencoded")


class Desk:
    def __init__(self, task: TaskView = TASK, *, refusal: Exception | None = None) -> None:
        self.task = task
        self.refusal = refusal
        self.answers: list[tuple[str, Any, str | None]] = []

    async def task_behind(self, token: str) -> TaskView:
        if token != TOKEN:
            raise UnknownTask("no task is behind this link")
        return self.task

    async def answer_behind(
        self, token: str, answer: str, form: Any, *, by: str | None
    ) -> TaskView:
        if self.refusal is not None:
            raise self.refusal
        self.answers.append((answer, form, by))
        ended = EndView("2026-11-25T10:00:00.000000Z", answer, form, by, "link")
        self.task = structs.replace(self.task, state="answered", ended=ended)
        return self.task


def asked(
    method: str = "GET", *headers: tuple[str, str], body: bytes = b"", token: str = TOKEN
) -> Request:
    path = f"/_wistro/tasks/{token}"
    return Request(method, path, path=path, headers=list(headers), body=body, address="192.0.2.1")


def text(response: Response) -> str:
    assert isinstance(response.body, bytes)
    return response.body.decode()


def sent(**fields: str) -> bytes:
    return urlencode(fields).encode()


async def test_a_browser_is_shown_what_is_asked_and_a_form_for_each_answer():
    response = await handle(Desk(), asked("GET", BROWSER))

    page = text(response)
    assert response.status == 200
    assert "Manager &lt;approves&gt;" in page and "For managers." in page
    assert page.count("<form ") == 2
    assert "2026-11-27 10:00 UTC" in page
    assert re.search(r'<input type="number"[^>]*name="form/cents"[^>]* required[^>]*min="1"', page)
    assert "<script" not in page
    labels = set(re.findall(r'<label for="([^"]+)"', page))
    assert labels <= set(re.findall(r' id="([^"]+)"', page))


async def test_the_page_may_load_and_send_to_nothing_but_itself():
    response = await handle(Desk(), asked("GET", BROWSER))

    headers = dict(response.headers)
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "form-action 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")


async def test_who_asks_for_json_gets_it():
    response = await handle(Desk(), asked("GET", ("accept", "application/json")))

    said = json.loads(text(response))
    assert (said["id"], said["state"]) == ("tsk_1", "open")
    assert said["answers"]["approve"]["form"] == FORM
    assert ("cache-control", "no-store") in response.headers


async def test_the_form_of_the_page_answers_and_leads_back_to_it():
    desk = Desk()
    body = sent(
        answer="approve",
        by=" Ada ",
        **{"form/cents": "12", "form/level": "high", "form/note": "", "form/urgent": "true"},
    )

    response = await handle(desk, asked("POST", BROWSER, AS_FORM, body=body))

    assert (response.status, dict(response.headers)["location"]) == (303, f"/_wistro/tasks/{TOKEN}")
    assert desk.answers == [("approve", {"cents": 12, "level": "high", "urgent": True}, "Ada")]
    page = text(await handle(desk, asked("GET", BROWSER)))
    assert "Answered: Approve by Ada" in page and "<form" not in page


async def test_json_answers_too():
    desk = Desk()
    body = json.dumps({"answer": "approve", "form": {"cents": 1}, "by": "Bea"}).encode()

    response = await handle(desk, asked("POST", ("content-type", "application/json"), body=body))

    assert response.status == 200
    assert json.loads(text(response))["ended"]["by"] == "Bea"
    assert desk.answers == [("approve", {"cents": 1}, "Bea")]


async def test_a_form_that_does_not_fit_comes_back_as_it_was_with_what_is_wrong():
    desk = Desk(refusal=UnfitForm("the form does not fit", fields={"/cents": "is less than 1"}))
    body = sent(answer="approve", by="Ada", **{"form/cents": "0", "form/level": "low"})

    response = await handle(desk, asked("POST", BROWSER, AS_FORM, body=body))

    page = text(response)
    assert response.status == 422
    assert 'role="alert"' in page and page.count("is less than 1") == 2
    assert 'aria-invalid="true"' in page
    assert 'value="0"' in page and 'value="Ada"' in page
    assert '<option value="low" selected>' in page


async def test_the_second_of_two_is_shown_who_was_first():
    ended = EndView("2026-11-25T10:00:00.000000Z", "reject", {}, "Bea", "link")
    desk = Desk(
        structs.replace(TASK, state="answered", ended=ended), refusal=TaskEnded("was answered")
    )

    page = await handle(desk, asked("POST", BROWSER, AS_FORM, body=sent(answer="approve")))
    said = await handle(desk, asked("POST", body=b'{"answer": "approve"}'))

    assert page.status == said.status == 409
    assert "Answered: Reject by Bea" in text(page)
    assert json.loads(text(said))["error"]["code"] == "task.ended"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (asked(token="x"), 404),
        (asked("GET", BROWSER, token="x"), 404),
        (asked("DELETE"), 405),
        (asked("POST", body=b"{"), 422),
        (asked("POST", body=b'{"form": {}}'), 422),
        (asked("POST", AS_FORM, body=b"\xff"), 422),
        (asked("HEAD", BROWSER), 200),
    ],
)
async def test_other_requests_are_told_what_is_wrong(request_: Request, status: int):
    desk = Desk()

    response = await handle(desk, request_)

    assert (response.status, desk.answers) == (status, [])


@pytest.mark.parametrize(
    ("schema", "given", "value"),
    [
        (FORM, {"form/cents": "12", "form/level": "low"}, {"cents": 12, "level": "low", "urgent": False}),
        (FORM, {"form/cents": "many", "form/lines": "[1"}, {"cents": "many", "urgent": False, "lines": "[1"}),
        (FORM, {"form/to/e_mail": "a@b.c", "form/lines": '["x"]'}, {"urgent": False, "to": {"e_mail": "a@b.c"}, "lines": ["x"]}),
        ({"type": "object", "required": ["a/b~"], "properties": {"a/b~": {"type": "string"}}}, {"form/a~1b~0": "line\r\n2"}, {"a/b~": "line\n2"}),
        ({"type": "object", "required": ["s"], "properties": {"s": {"type": "string"}}}, {}, {"s": ""}),
        ({"type": "string"}, {"form": "x"}, "x"),
        ({"type": "array"}, {"form": "[1]"}, [1]),
        ({"enum": [1, 2]}, {"form": "2"}, 2),
        ({}, {}, {}),
        (None, {}, {}),
        ({"type": "object", "properties": {"o": {"$ref": "#/$defs/p"}}, "$defs": {"p": {"type": "number"}}}, {"form/o": "1.5"}, {"o": 1.5}),
    ],
)  # fmt: skip
def test_a_form_makes_the_value_that_its_schema_asks_for(
    schema: Any, given: dict[str, str], value: Any
):
    assert read(fields_of(schema), given) == value


async def test_text_of_every_kind_is_only_text():
    odd = '"><img src=x onerror=alert(1)> ünïcödé \u202e \ud800'
    task = structs.replace(TASK, name=odd, message={odd: odd}, assignee=odd)

    page = text(await handle(Desk(task), asked("GET", BROWSER)))

    assert "<img" not in page
    assert "ünïcödé" in unescape(page)
