from __future__ import annotations

from pathlib import Path
from typing import cast

import msgspec
import pytest

from wistro.dev.guard import Guard
from wistro.dev.screens import NONCE_MARK, Screens, Showing
from wistro.errors import NotYet
from wistro.http.message import Request, Response
from wistro.records.index import RecordsIndex
from wistro.records.local_reads import LocalReads


@pytest.fixture
def static(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(f'<script nonce="{NONCE_MARK}"></script>')
    (folder / "assets" / "app.js").write_text("app")
    (tmp_path / "secret.txt").write_text("the content")
    return folder


def screens_of(static: Path, **more) -> Screens:
    nobody = cast(LocalReads, None)  # no test here reads a record
    screens = Screens(Showing(nobody, lambda: None, **more), token="t", static=static)
    screens.guard = Guard(token="t", port=3001)
    return screens


async def ask(screens: Screens, path: str, query: str = "") -> Response:
    headers = [("host", "127.0.0.1:3001"), ("authorization", "Bearer t")]
    return await screens.handle(Request("GET", path, path=path, query=query, headers=headers))


async def test_every_address_of_the_app_is_its_page_with_a_nonce_of_its_own(static: Path) -> None:
    screens = screens_of(static)

    first, second = await ask(screens, "/runs/run_1"), await ask(screens, "/")

    for answer in (first, second):
        assert answer.status == 200
        assert isinstance(answer.body, bytes)
        nonce = answer.body.decode().split('"')[1]
        assert f"'nonce-{nonce}'" in dict(answer.headers)["content-security-policy"]
    assert first.body != second.body


async def test_files_are_served_and_named_ones_kept(static: Path) -> None:
    answer = await ask(screens_of(static), "/assets/app.js")

    headers = dict(answer.headers)
    assert (answer.status, answer.body) == (200, b"app")
    assert "javascript" in headers["content-type"] and "immutable" in headers["cache-control"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/assets/../../secret.txt", "//etc/passwd.txt", "/assets/none.js"]
)
async def test_nothing_outside_of_the_folder_is_served(static: Path, path: str) -> None:
    answer = await ask(screens_of(static), path)

    assert answer.status == 404 and answer.body != b"the content"


async def test_a_link_out_of_the_folder_is_not_followed(static: Path) -> None:
    (static / "link.txt").symlink_to(static.parent / "secret.txt")

    assert (await ask(screens_of(static), "/link.txt")).status == 404


async def test_screens_that_are_not_built_say_how(tmp_path: Path) -> None:
    answer = await ask(screens_of(tmp_path), "/runs")

    assert answer.status == 503 and b"local.not-built" in cast(bytes, answer.body)


async def test_problems_and_an_empty_graph_are_told_without_a_lock(static: Path) -> None:
    problem = NotYet("`x` is not built yet", where="src/a.step.py:3")
    screens = screens_of(static, problems=lambda: [problem])

    told = msgspec.json.decode(cast(bytes, (await ask(screens, "/api/v1/problems")).body))
    graph = msgspec.json.decode(cast(bytes, (await ask(screens, "/api/v1/graph")).body))

    assert told["problems"][0]["where"] == "src/a.step.py:3"
    assert told["problems"][0]["code"] == "lock.not-yet"
    assert graph == {"nodes": [], "edges": [], "flows": []}


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/", "/api/v2/runs", "/live"])
async def test_what_the_api_does_not_have_is_refused(static: Path, path: str) -> None:
    answer = await ask(screens_of(static), path)

    assert answer.status == 404 and b"local.not-found" in cast(bytes, answer.body)


async def test_a_limit_that_is_no_number_is_refused(tmp_path: Path, static: Path) -> None:
    index = RecordsIndex(tmp_path)
    reads = LocalReads(index, lock_of=lambda _: None)
    screens = Screens(Showing(reads, lambda: None), token="t", static=static)
    screens.guard = Guard(token="t", port=3001)

    answers = [await ask(screens, "/api/v1/runs", f"limit={one}") for one in ("many", "-1", "5")]
    reads.close()
    index.close()

    assert [one.status for one in answers] == [400, 400, 200]
