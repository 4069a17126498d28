"""Each example as its README says: installed, its lock held, its own tests run, started, and used from outside."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import json
import os
import shutil
import subprocess
import sys
import threading
import zlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra.place import CHECKOUT
from infra.ports import free_ports
from tests.integration.wistro.running import Answer, ask, run, wistro
from wistro.languages.go import toolchain

EXAMPLES = CHECKOUT / "examples"
MADE = shutil.ignore_patterns("node_modules", ".venv", ".wistro", "__pycache__")
LIMIT_S = 60.0
SECRET = "a secret of the hook"


@dataclass
class Served:
    """A started example. `until` asks again until what comes is what was waited for."""

    port: int
    folder: Path

    async def get(self, path: str) -> Answer:
        return await ask(self.port, "GET", path)

    async def post(self, path: str, body: Any, **headers: str) -> Answer:
        return await ask(self.port, "POST", path, body, headers=headers)

    async def until(self, path: str, fits: Callable[[Any], bool]) -> Any:
        async with asyncio.timeout(LIMIT_S):
            while not fits(found := (await self.get(path)).json):  # noqa: ASYNC110 nobody outside is told
                await asyncio.sleep(0.1)
        return found

    async def cli(self, *words: str) -> str:
        code, said = await run(*words, folder=self.folder)
        assert code == 0, said
        return said


# Orders: a person approves, a person rejects, a payment is declined


def an_order(cents: int) -> dict[str, Any]:
    return {"customer": "Ada", "items": [{"sku": "desk", "quantity": 1, "cents": cents}]}


async def orders(one: Served) -> None:
    small, large, refused = [
        (await one.post("/orders", an_order(cents))).json for cents in (900, 80_000, 90_000)
    ]
    await one.until(f"/orders/{small['id']}", lambda order: order["status"] == "sent")
    assert large["status"] == refused["status"] == "waits for approval"

    listed = json.loads(await one.cli("tasks", "--json"))
    by_run = {task["run"]: task["id"] for task in listed}
    await one.cli("tasks", "answer", by_run[large["id"]], "approve", '{"note": "fine"}')
    await one.cli("tasks", "answer", by_run[refused["id"]], "reject", '{"reason": "too dear"}')

    sent = await one.until(f"/orders/{large['id']}", lambda order: order["status"] == "sent")
    assert sent["note"] == "fine" and sent["payment"].startswith("pay_")
    closed = await one.until(f"/orders/{refused['id']}", lambda order: "reason" in order)
    assert (closed["status"], closed["reason"]) == ("rejected", "too dear")
    assert (await one.post("/orders", {"customer": "Ada", "items": []})).status == 422


# The bot: GitHub's API is a server of this test


@dataclass
class GitHub:
    """Keeps what it is asked; the first comment is refused by its rate limit."""

    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    limited: list[str] = field(default_factory=list)
    url: str = ""

    def take(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, str]]:
        if path.endswith("/comments") and not self.limited:
            self.limited.append(path)
            return 429, {"retry-after": "1"}
        self.posts.append((path, body))
        return 200, {}


@pytest.fixture
def github() -> Iterator[GitHub]:
    double = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            assert self.headers["authorization"] == "Bearer a-token-of-the-bot"
            status, headers = double.take(self.path, body)
            self.send_response(status)
            for name, value in {**headers, "content-length": "2"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    double.url = f"http://127.0.0.1:{server.server_port}"
    yield double
    server.shutdown()
    server.server_close()


def a_hook(
    number: int, delivery: str, title: str = "Crash on start"
) -> tuple[bytes, dict[str, str]]:
    issue = {"number": number, "title": title, "body": "", "user": {"login": "ada"}}
    value = {"action": "opened", "issue": issue, "repository": {"full_name": "a/b"}}
    body = json.dumps(value).encode()
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"x-github-event": "issues", "x-github-delivery": delivery}
    return body, headers | {"x-hub-signature-256": signature, "content-type": "application/json"}


async def github_bot(one: Served, github: GitHub) -> None:
    for number, delivery in ((1, "d-1"), (1, "d-1"), (2, "d-2")):
        body, headers = a_hook(number, delivery)
        assert (await one.post("/github", body, **headers)).status == 202
    body, headers = a_hook(3, "d-3")
    assert (await one.post("/github", body + b" ", **headers)).status == 401

    async with asyncio.timeout(LIMIT_S):
        while len(github.posts) < 3:  # noqa: ASYNC110 nobody outside is told
            await asyncio.sleep(0.1)
        while "running" in await one.cli("runs"):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    labels = [path for path, body in github.posts if body == {"labels": ["bug"]}]
    assert sorted(labels) == ["/repos/a/b/issues/1/labels", "/repos/a/b/issues/2/labels"]
    welcomes = [body for path, body in github.posts if path.endswith("/comments")]
    assert len(welcomes) == 1 and "@ada" in welcomes[0]["body"]  # one author, one greeting


# Answers: the fake model


async def answers(one: Served) -> None:
    asked = (await one.post("/questions", {"question": "When do parcels leave?"})).json
    nonsense = (await one.post("/questions", {"question": "Zzzz qqqq?"})).json

    found = await one.until(f"/questions/{asked['id']}", lambda it: it["status"] != "asked")
    assert found["sources"] == ["shipping.md"] and "one working day" in found["answer"]
    unknown = await one.until(f"/questions/{nonsense['id']}", lambda it: it["status"] != "asked")
    assert unknown["status"] == "unknown"
    chat = await one.post("/chat", {"question": "when do parcels leave"})
    events = chat.body.decode().strip().split("\n\n")
    assert events[0] == "event: word\ndata: Parcels"
    assert events[-1].startswith("event: done") and "run_" in events[-1]


# Pictures: a form with a file


def a_png(width: int, height: int) -> bytes:
    def part(kind: bytes, data: bytes) -> bytes:
        sum = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + sum

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    rows = b"".join(b"\0" + os.urandom(width * 3) for _ in range(height))
    return (
        b"\x89PNG\r\n\x1a\n"
        + part(b"IHDR", head)
        + part(b"IDAT", zlib.compress(rows, 1))
        + part(b"IEND", b"")
    )


def a_form(content: bytes, kind: str) -> tuple[bytes, str]:
    out = io.BytesIO()
    out.write(b'--x\r\ncontent-disposition: form-data; name="title"\r\n\r\nGrau\r\n')
    out.write(b'--x\r\ncontent-disposition: form-data; name="picture"; filename="a.png"\r\n')
    out.write(f"content-type: {kind}\r\n\r\n".encode() + content + b"\r\n--x--\r\n")
    return out.getvalue(), "multipart/form-data; boundary=x"


async def pictures(one: Served) -> None:
    large = a_png(1_600, 900)
    assert len(large) > 4_000_000
    form, kind = a_form(large, "image/png")
    taken = await one.post("/pictures", form, **{"content-type": kind})
    assert taken.status == 202, taken.body
    id = taken.json["id"]

    shown = await one.until(f"/pictures/{id}", lambda it: len(it["sizes"]) == 2 and "caption" in it)
    assert (shown["title"], shown["caption"]) == ("Grau", "landscape, 64 × 36")
    small = await one.get(f"/pictures/{id}/small")
    assert small.headers["content-type"] == "image/png" and small.body.startswith(b"\x89PNG")
    form, kind = a_form(b"words", "text/plain")
    assert (await one.post("/pictures", form, **{"content-type": kind})).status == 415
    form, kind = a_form(b"words", "image/png")
    assert (await one.post("/pictures", form, **{"content-type": kind})).status == 202
    async with asyncio.timeout(LIMIT_S):
        while "resize" not in await one.cli("dead"):  # noqa: ASYNC110 nobody outside is told
            await asyncio.sleep(0.2)


# Sales: Go, Python, TypeScript and JavaScript


async def sales(one: Served) -> None:
    extracted = await one.post("/extract", None)
    assert (extracted.status, extracted.json["rows"]) == (202, 8)

    report = await one.until("/report", lambda it: len(it["rows"]) == 5 and len(it["wrong"]) == 2)

    assert {(row["day"], row["shop"]): row["euros"] for row in report["rows"]} == {
        ("2026-01-02", "berlin"): "216.00",
        ("2026-01-02", "boston"): "27.75",
        ("2026-01-03", "berlin"): "1008.50",
        ("2026-01-03", "osaka"): "37.04",
        ("2026-01-03", "oslo"): "33.63",
    }


Drive = Callable[..., Awaitable[None]]
DRIVES: dict[str, Drive] = {
    "orders": orders,
    "github-bot": github_bot,
    "answers": answers,
    "pictures": pictures,
    "sales": sales,
}


def test_every_example_is_driven() -> None:
    found = {one.name for one in EXAMPLES.iterdir() if (one / "wistro.yml").exists()}

    assert found == {*DRIVES, "shop"}  # the shop is what the main journey and `make up` deploy


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", DRIVES)
async def test_an_example_is_what_its_readme_says(
    name: str, tmp_path: Path, github: GitHub
) -> None:
    folder = shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=MADE)
    await asyncio.to_thread(its_own, folder)
    (port,) = free_ports(1)
    env = {
        **os.environ,
        "GITHUB_SECRET": SECRET,
        "GITHUB_TOKEN": "a-token-of-the-bot",
        "GITHUB_API": github.url,
    }
    async with wistro("start", "--port", str(port), folder=folder, env=env) as started:
        await started.line("serving")
        served = Served(port, folder)
        await (DRIVES[name](served, github) if name == "github-bot" else DRIVES[name](served))
        assert await started.end() == 0


def its_own(folder: Path) -> None:
    """Installed, its lock what it compiles to, and its tests passed."""
    command(folder, "wistro", "install")
    command(folder, "wistro", "lock", "--check")
    python = folder / ".venv" / "bin" / "python"
    python = python if python.exists() else Path(sys.executable)
    if list((folder / "tests").glob("test_*.py")):
        command(folder, str(python), "-m", "unittest", "discover", "tests")
    if (folder / "package.json").exists():
        command(folder, "npm", "test")
    if (folder / "go.mod").exists():
        command(folder, str(toolchain.find(folder, None, os.environ["PATH"])), "test", "./src/...")


def command(folder: Path, *words: str) -> str:
    argv = [sys.executable, "-m", "wistro.cli", *words[1:]] if words[0] == "wistro" else [*words]
    done = subprocess.run(
        argv,
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(CHECKOUT) if words[0] == "wistro" else "",
            "NO_COLOR": "1",
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(words)}:\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr
