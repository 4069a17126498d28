from __future__ import annotations

import stat
from pathlib import Path

import pytest

from wistro.dev.guard import Guard, NoToken, ReadOnly, WrongHost, WrongOrigin, token_of
from wistro.http.message import Request

TOKEN = "the-token"
COOKIE = ("cookie", f"other=1; wistro-3001={TOKEN}")
BEARER = ("authorization", f"Bearer {TOKEN}")


def a_request(
    *headers: tuple[str, str],
    path: str = "/api/v1/runs",
    query: str = "",
    host: str = "127.0.0.1:3001",
    method: str = "GET",
) -> Request:
    return Request(method, path, path=path, query=query, headers=[("host", host), *headers])


@pytest.fixture
def guard() -> Guard:
    return Guard(token=TOKEN, port=3001)


@pytest.mark.parametrize(
    "request_",
    [
        a_request(BEARER),
        a_request(COOKIE),
        a_request(query=f"token={TOKEN}"),
        a_request(BEARER, host="localhost:3001"),
        a_request(BEARER, host="[::1]:3001"),
        a_request(COOKIE, ("origin", "http://127.0.0.1:3001")),
    ],
)
def test_our_own_pages_are_let_in(guard: Guard, request_: Request) -> None:
    guard.check(request_)


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        (a_request(), NoToken),
        (a_request(("authorization", "Bearer wrong")), NoToken),
        (a_request(("cookie", "wistro-3001=wrong")), NoToken),
        (a_request(("cookie", f"wistro-4001={TOKEN}")), NoToken),
        (a_request(query="token="), NoToken),
        (a_request(("authorization", "Bearer ü")), NoToken),
        (a_request(BEARER, host="evil.example:3001"), WrongHost),
        (a_request(BEARER, host="127.0.0.1"), WrongHost),
        (a_request(BEARER, host="127.0.0.1:3000"), WrongHost),
        (a_request(BEARER, ("host", "127.0.0.1:3001")), WrongHost),
        (a_request(BEARER, ("origin", "http://evil.example")), WrongOrigin),
        (a_request(BEARER, ("origin", "null")), WrongOrigin),
        (a_request(BEARER, ("origin", "https://127.0.0.1:3001")), WrongOrigin),
        (a_request(BEARER, ("origin", "http://127.0.0.1:3000")), WrongOrigin),
        (a_request(BEARER, method="POST"), ReadOnly),
    ],
)
def test_all_else_is_refused(
    guard: Guard, request_: Request, refusal: type[NoToken | WrongHost | WrongOrigin]
) -> None:
    with pytest.raises(refusal):
        guard.check(request_)


def test_the_token_moves_from_the_address_into_a_cookie(guard: Guard) -> None:
    answer = guard.entering(a_request(path="/runs", query=f"token={TOKEN}"))

    assert answer is not None and answer.status == 303
    headers = dict(answer.headers)
    assert headers["location"] == "/runs"
    assert headers["set-cookie"] == f"wistro-3001={TOKEN}; Path=/; HttpOnly; SameSite=Strict"


def test_entering_never_leads_to_another_site(guard: Guard) -> None:
    answer = guard.entering(a_request(path="//evil.example/x", query=f"token={TOKEN}"))

    assert answer is not None and dict(answer.headers)["location"] == "/evil.example/x"


def test_a_project_keeps_its_token_for_its_owner(tmp_path: Path) -> None:
    first, second = token_of(tmp_path), token_of(tmp_path)

    assert first == second and len(first) >= 32
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600


def test_a_token_that_others_may_read_is_replaced(tmp_path: Path) -> None:
    first = token_of(tmp_path)
    (tmp_path / "token").chmod(0o644)

    assert token_of(tmp_path) != first
